"""Sessions for tests of the app: one answers from a script on a thread of its own, one waits."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from analysis.activity.request import HeadActivityRequest, NeuronActivityRequest
from analysis.changes.request import ChangesRequest
from analysis.concepts.request import ConceptsRequest
from analysis.contributions.request import ContributionsRequest
from analysis.divergence.request import DivergenceRequest
from analysis.doctor.findings import Findings
from analysis.doctor.request import ExaminationRequest
from analysis.events import (
    Cancelled,
    EngineStatus,
    Event,
    Failed,
    Finished,
    ModelFacts,
    Partial,
    Progress,
)
from analysis.heads.request import HeadPairsRequest, NeuronPairsRequest
from analysis.models.request import ArchitectureRequest, LoadRequest, TokenizeRequest
from analysis.models.tokens import Tokens
from analysis.neurons.request import (
    FrequenciesRequest,
    NeuronDirectionRequest,
    NeuronWordsRequest,
    WordNeuronsRequest,
)
from analysis.patching.request import PatchingRequest
from analysis.problems import ProblemError
from analysis.request import Request
from analysis.saliency.request import AttributionRequest
from analysis.saliency.result import Attribution
from tests.support.scripted_changes import layer_changes
from tests.support.scripted_components import (
    activity,
    frequencies,
    neuron_direction,
    neuron_words,
    word_neurons,
)
from tests.support.scripted_concepts import layer_concepts
from tests.support.scripted_contributions import contributions, patching
from tests.support.scripted_divergence import divergence
from tests.support.scripted_weights import architecture, head_pairs, neuron_pairs

Script = Callable[[Request], Iterator[Event]]

RESPONSES = {
    "demo-base": " The capital of France is a city, and so is the capital of Italy.",
    "demo-tuned": " Paris.",
}


class ScriptedJob:
    """A submitted request."""

    def __init__(self, request: Request, listener: Callable[[Event], None]) -> None:
        self.request = request
        self.listener = listener
        self.cancelled = threading.Event()

    def cancel(self) -> None:
        """Give it up at the next event of its script."""
        self.cancelled.set()

    def put_behind(self, behind: bool) -> None:
        """Here everything is answered in order."""


class ScriptedSession:
    """Answers requests one at a time, in order.

    Args:
        script: Request → its events; an exception of type ProblemError becomes `Failed`.
        on_status: As of `analysis.session.session.Session`.
        stored: What `cached` finds.

    Attributes:
        requests: Everything that was submitted.
        gate: Cleared, it holds every script before its next event.
        closed: `close` was called.
    """

    def __init__(
        self,
        script: Script | None = None,
        on_status: Callable[[EngineStatus], None] | None = None,
        stored: dict[Request, Any] | None = None,
    ) -> None:
        self._script = script or answer
        self._on_status = on_status or (lambda status: None)
        self._stored = {} if stored is None else stored
        self._jobs: queue.SimpleQueue[ScriptedJob] = queue.SimpleQueue()
        self._models: dict[str, ModelFacts] = {}
        self.requests: list[Request] = []
        self.gate = threading.Event()
        self.gate.set()
        self.closed = False
        threading.Thread(target=self._work, daemon=True).start()

    def submit(
        self, request: Request, listener: Callable[[Event], None], *, background: bool = False
    ) -> ScriptedJob:
        """Queue a request; what is asked in the background is not put last here."""
        self.requests.append(request)
        job = ScriptedJob(request, listener)
        self._jobs.put(job)
        return job

    def cached(self, request: Request) -> Any | None:
        """The stored answer, if there is one."""
        return self._stored.get(request)

    def holds(self, request: Request) -> bool:
        """Whether there is a stored answer."""
        return request in self._stored

    def keep(self, request: Request, answer: Any) -> None:
        """Store an answer."""
        self._stored[request] = answer

    def close(self) -> None:
        """Say nothing more."""
        self.closed = True

    def _work(self) -> None:
        while not self.closed:
            job = self._jobs.get()
            stored = self._stored.get(job.request)
            if stored is not None:
                job.listener(Finished(stored, from_cache=True))
                continue
            self._report("busy")
            self._run(job)
            self._report("idle")

    def _run(self, job: ScriptedJob) -> None:
        try:
            for event in self._script(job.request):
                while not self.gate.wait(0.01):
                    if job.cancelled.is_set():
                        break
                if job.cancelled.is_set():
                    job.listener(Cancelled())
                    return
                if isinstance(event, Finished) and isinstance(event.result, ModelFacts):
                    self._models[event.result.name] = event.result
                job.listener(event)
        except ProblemError as error:
            job.listener(Failed(error.problem))

    def _report(self, state: str) -> None:
        self._on_status(EngineStatus(state=state, models=tuple(self._models.values())))  # type: ignore[arg-type]


@dataclass(eq=False)
class OpenJob:
    """A request that waits for what a test tells its listener."""

    request: Any
    listener: Callable[[Event], None]
    background: bool
    cancelled: bool = False
    behind: bool = False

    def cancel(self) -> None:
        """Notes that it was given up."""
        self.cancelled = True

    def put_behind(self, behind: bool) -> None:
        """Notes what it gives way to."""
        self.behind = behind


class OpenSession:
    """Keeps all that is submitted, in order, and answers nothing itself."""

    def __init__(self) -> None:
        self.jobs: list[OpenJob] = []

    def submit(
        self, request: Request, listener: Callable[[Event], None], *, background: bool = False
    ) -> OpenJob:
        """Keep it."""
        self.jobs.append(OpenJob(request, listener, background))
        return self.jobs[-1]


def word_tokens(text: str, *, template: bool = False) -> Tokens:
    """Words with the space before them, behind a BOS token; in a template between two more."""
    found = [(m.group(), m.span()) for m in re.finditer(r"\s?\S+|\s", text)]
    texts = ["<s>", *(["<|user|>"] if template else [])]
    spans: list[tuple[int, int] | None] = [None] * len(texts)
    texts += [piece for piece, _ in found]
    spans += [span for _, span in found]
    if template:
        texts.append("<|assistant|>")
        spans.append(None)
    return Tokens(ids=tuple(range(len(texts))), texts=tuple(texts), spans=tuple(spans))


def facts(name: str, *, chat_template: bool = True) -> ModelFacts:
    """A small model."""
    return ModelFacts(
        name=name,
        family="llama",
        parameters=3_000_000,
        layers=8,
        vocabulary=4096,
        context_window=512,
        device="cpu",
        dtype="float32",
        has_chat_template=chat_template,
        tokenizer_digest="one",
        seconds=0.1,
    )


def _cut(text: str) -> list[tuple[str, tuple[int, int]]]:
    return [(m.group(), m.span()) for m in re.finditer(r"\s?\w+|[^\w\s]", text)]


def attribution(request: AttributionRequest, *, seed: int = 0) -> Attribution:
    """A whole answer; other methods differ from the gradient by as much noise again."""
    prompt = word_tokens(request.prompt, template=request.chat_template)
    text = request.response or RESPONSES.get(request.model.name, " An answer.")
    found = _cut(text)
    if request.response_ids is not None and len(request.response_ids) != len(found):
        # Ids count from 0: their number says whose response they are.
        texts = [
            each for each in RESPONSES.values() if len(_cut(each)) == len(request.response_ids)
        ]
        text = texts[0] if texts else text
        found = _cut(text)
    response = Tokens(
        ids=tuple(range(len(found))),
        texts=tuple(piece for piece, _ in found),
        spans=tuple(span for _, span in found),
    )
    random = np.random.default_rng(seed + len(request.model.name))
    importance = random.normal(0, 0.05, (len(prompt), len(response))).astype(np.float32)
    occluded = request.method == "occlusion"
    for _ in range({"occlusion": 1, "frozen_norms": 2}.get(request.method, 0)):
        importance += random.normal(0, 0.05, importance.shape).astype(np.float32)
    return Attribution(
        model=request.model.name,
        prompt=request.prompt,
        prompt_tokens=prompt,
        response_tokens=response,
        importance=importance,
        target=request.target,
        method={"occlusion": "occlusion", "frozen_norms": "frozen_norms_reverse"}.get(
            request.method, "reverse"
        ),
        device="cpu",
        dtype="float32",
        ended="end" if request.response_ids is None else "given",
        seconds=0.2,
        passes_dtype="float32",
        totals=importance.sum(axis=1),
        difference=None if occluded else 1.5e-6,
        response=text,
    )


def answer(request: Request, *, pause_s: float = 0.0) -> Iterator[Event]:
    """The events of an ordinary answer, with a pause before each."""
    for event in _events(request):
        time.sleep(pause_s)
        yield event


def _events(request: Request) -> Iterator[Event]:
    name = request.models()[0].name
    if isinstance(request, LoadRequest):
        yield Progress("load", 1, 2, "files")
        yield Finished(facts(name))
    elif isinstance(request, TokenizeRequest):
        yield Finished(word_tokens(request.prompt, template=request.chat_template))
    elif isinstance(request, ExaminationRequest):
        yield Finished(Findings(()))
    elif isinstance(request, ArchitectureRequest):
        yield Finished(architecture(request))
    elif isinstance(request, HeadPairsRequest):
        yield Progress("heads", 1, 8, "heads")
        yield Finished(head_pairs(request))
    elif isinstance(request, NeuronPairsRequest):
        yield Finished(neuron_pairs(request))
    elif isinstance(request, ConceptsRequest):
        yield Progress("components", 1, 3, request.tuned.name)
        yield Finished(layer_concepts(request))
    elif isinstance(request, ChangesRequest):
        yield Progress("changes", 1, 8, "tensors")
        yield Finished(layer_changes(request))
    elif isinstance(request, FrequenciesRequest):
        yield Progress("frequencies", 1, len(request.prompts), request.category)
        yield Finished(frequencies(request))
    elif isinstance(request, NeuronActivityRequest | HeadActivityRequest):
        yield Progress("activity", 1, len(request.prompts), "prompts")
        yield Finished(activity(request))
    elif isinstance(request, NeuronWordsRequest):
        yield Finished(neuron_words(request))
    elif isinstance(request, WordNeuronsRequest):
        yield Finished(word_neurons(request))
    elif isinstance(request, NeuronDirectionRequest):
        yield Finished(neuron_direction(request))
    elif isinstance(request, ContributionsRequest):
        prompt = word_tokens(request.prompt, template=request.chat_template)
        yield Finished(contributions(request, prompt))
    elif isinstance(request, PatchingRequest):
        yield Finished(patching(request))
    elif isinstance(request, DivergenceRequest):
        yield Progress("read the response", 1, 2, request.tuned.name)
        writer = (request.base, request.tuned)[request.writer == "tuned"]
        own = attribution(AttributionRequest(writer, request.prompt))
        yield Finished(divergence(request, own.response_tokens, own.response))
    else:
        whole = attribution(request)
        if request.method == "occlusion":
            yield from _by_rows(whole)
            return
        columns = len(whole.response_tokens)
        nothing = np.full_like(whole.importance, np.nan)
        for count in range(1, columns + 1):
            yield Progress("generate", count, request.max_new_tokens, "tokens")
            part = Tokens(
                whole.response_tokens.ids[:count],
                whole.response_tokens.texts[:count],
                whole.response_tokens.spans[:count],
            )
            yield Partial(
                msgspec.structs.replace(
                    whole, response_tokens=part, importance=nothing[:, :count], ended="running"
                )
            )
        for count in range(1, columns + 1):
            yield Progress("attribute", count, columns, "columns")
            importance = nothing.copy()
            importance[:, :count] = whole.importance[:, :count]
            yield Partial(msgspec.structs.replace(whole, importance=importance))
        yield Finished(whole)


def _by_rows(whole: Attribution) -> Iterator[Event]:
    """The events of an attribution of a given response, row by row."""
    rows = len(whole.prompt_tokens)
    importance = np.full_like(whole.importance, np.nan)
    yield Partial(msgspec.structs.replace(whole, importance=importance.copy()))
    for count in range(1, rows + 1):
        yield Progress("attribute", count, rows, "prompt tokens")
        importance[:count] = whole.importance[:count]
        yield Partial(msgspec.structs.replace(whole, importance=importance.copy()))
    yield Finished(whole)
