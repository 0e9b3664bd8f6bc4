"""Asks a session for both models' answers to the prompts of a study; some may fail.

Any number of processes may share the work through one cache, without locks: each goes through the
prompts in its own random order, and the session checks the cache before computing anything. This is
sound because an answer depends only on its request and is stored atomically, so it does not matter
who stores it or how often. Little is computed twice: with r cases left, two processes pick the same
one with probability 1/r, so k processes repeat about (k - 1) ln n of n cases. A process that dies
loses only its current case, and blocks nobody.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec.structs import replace

from analysis.events import Finished, Progress
from analysis.request import Request
from analysis.saliency.gather import AskedCases, Responses, Written, golden
from analysis.saliency.request import AttributionRequest
from analysis.session.drive import Asker, Asking, Filler
from analysis.session.scout import Scout
from analysis.studies.patience import PatientAsker

if TYPE_CHECKING:
    from analysis.saliency.cases.prompt_sets import StudyPrompt
    from analysis.saliency.result import Attribution
    from analysis.saliency.served.responses import ServedResponses

BLOCK = 10_000
"""Prompts whose answers are computed ahead together: what is looked up and held stays small."""

Answers: TypeAlias = dict[Responses, "tuple[Attribution, Attribution]"]
"""Base and tuned model's answers to a prompt, by whose response they explain."""


@dataclass
class CaseAsker:
    """Asks both models of a pair all prompts of a set; `left_out` says why a case has no answer."""

    given: AskedCases
    asker: Asker
    left_out: dict[str, str] = field(default_factory=dict)
    _patient: PatientAsker = field(init=False)
    _served: tuple[ServedResponses | None, ...] = (None, None)

    def __post_init__(self) -> None:
        """Prepare what servers write."""
        given = self.given
        self._patient = PatientAsker(self.asker, self.left_out)
        if not any(given.servers):
            return
        # Imported here: the app's first screen needs no client of a server.
        from analysis.saliency.served.responses import ServedResponses

        templates = (False, given.chat_template)
        self._served = tuple(
            None
            if server is None
            else ServedResponses(
                server, model, template, given.longest, given.session, self.ask, self.left_out
            )
            for server, model, template in zip(given.servers, given.pair, templates, strict=True)
        )

    def fill_cache(self) -> Asking[bool]:
        """Compute every answer the cache lacks, one model after the other.

        Two models that do not fit into memory together are thus loaded only once for each round:
        own responses, and the other model's.

        Returns:
            Whether answers are kept. If not, it stops at the first one lost, because computing the
            others would be pointless.

        Raises:
            ProblemError: A problem that would affect every other case too.
        """
        rounds = self._rounds()
        if isinstance(self.given.session, Filler):
            return (yield from self._fill_at_once(rounds))
        order = random.Random()
        prompts = list(self.given.prompts.prompts)
        for number, (side, responses) in enumerate(rounds):
            order.shuffle(prompts)
            if "own" in responses:
                yield from self.fetch(side, prompts)
            name = self.given.pair[side].name
            for done, prompt in enumerate(prompts, start=number * len(prompts)):
                step = Progress(f"asking {name}", done, len(rounds) * len(prompts), prompt.id)
                yield step
                for kind in responses:
                    if prompt.id in self.left_out:
                        break
                    request = yield from self._request(kind, side, prompt, step)
                    if request is None:
                        break
                    ending = yield from self.ask(request, prompt, step)
                    if ending is None or ending.from_cache:
                        continue
                    if self.given.session.cached(request) is None:
                        return False
        return True

    def _fill_at_once(self, rounds: Sequence[tuple[int, tuple[Responses, ...]]]) -> Asking[bool]:
        """The same by many workers; whether answers are kept.

        What fails is left to `answers`, which says why.
        """
        prompts = self.given.prompts.prompts
        for side, responses in rounds:
            if "own" in responses:
                yield from self.fetch(side, prompts)
            stage = f"asking {self.given.pair[side].name}"
            for start in range(0, len(prompts), BLOCK):
                for kind in responses:
                    block = prompts[start : start + BLOCK]
                    ready = yield from self._ready(kind, side, block, Progress(stage, 0, None))
                    if not (yield from self.asker.ahead(stage, ready)):
                        return False
        return True

    def _ready(
        self, kind: Responses, side: int, prompts: Iterable[StudyPrompt], step: Progress
    ) -> Asking[list[AttributionRequest]]:
        """What can be asked of a model by now: where the response to explain has been written."""
        # A throw-away one: what is not there yet is not left out.
        scout = CaseAsker(self.given, Asker(Scout(self.given.session)), dict(self.left_out))
        found = []
        for prompt in prompts:
            if prompt.id not in self.left_out:
                request = yield from scout._request(kind, side, prompt, step)
                if request is not None:
                    found.append(request)
        return found

    def _rounds(self) -> list[tuple[int, tuple[Responses, ...]]]:
        """The sides to ask one after another, and what of each: writing first."""
        wanted = self.given.response
        golden_ones: tuple[Responses, ...] = ("reference",) if "reference" in wanted else ()
        base_writes = "own" in wanted or "base" in wanted
        tuned_writes = "own" in wanted or "tuned" in wanted
        own: Responses = "own"
        rounds: list[tuple[int, tuple[Responses, ...]]] = [
            (0, (*((own,) if base_writes else ()), *golden_ones)),
            (
                1,
                (
                    *((own,) if tuned_writes else ()),
                    *golden_ones,
                    *(("base",) if "base" in wanted else ()),
                ),
            ),
            (0, ("tuned",) if "tuned" in wanted else ()),
        ]
        return [each for each in rounds if each[1]]

    def answers(self, prompt: StudyPrompt, step: Progress) -> Asking[Answers | None]:
        """Both models' answers, from the cache if stored; None if one is unavailable.

        Raises:
            ProblemError: A problem that would affect every other case too.
        """
        found: Answers = {}
        for kind in self.given.response:
            pair: list[Attribution] = []
            for side in range(2):
                if prompt.id in self.left_out:
                    return None
                request = yield from self._request(kind, side, prompt, step)
                if request is None:
                    return None
                ending = yield from self.ask(request, prompt, step)
                if ending is None:
                    return None
                answer = ending.result
                if kind == "own" or kind == ("base", "tuned")[side]:
                    answer = yield from self.as_written(answer, side, prompt, step)
                pair.append(answer)
            found[kind] = (pair[0], pair[1])
        return found

    def _request(
        self, kind: Responses, side: int, prompt: StudyPrompt, step: Progress
    ) -> Asking[AttributionRequest | None]:
        """What to ask one model; None if the response to explain is unavailable."""
        own = self.given.requests(prompt)
        writer = {"own": side, "base": 0, "tuned": 1, "reference": None}[kind]
        if writer == side:
            return (yield from self.own(side, prompt, step))
        if writer is None:
            if not prompt.reference:
                self.left_out[prompt.id] = "It has no reference response."
                return None
            written = golden(prompt.prompt, prompt.reference, chat_template=own[side].chat_template)
            return self.given.explaining(prompt, side, written)
        found = yield from self._written(writer, prompt, step)
        return None if found is None else self.given.explaining(prompt, side, found)

    def own(
        self, side: int, prompt: StudyPrompt, step: Progress
    ) -> Asking[AttributionRequest | None]:
        """What to ask a model about its own response; None if a server has written none."""
        if self._served[side] is None:
            return self.given.requests(prompt)[side]
        written = yield from self._written(side, prompt, step)
        return None if written is None else self.given.explaining(prompt, side, written)

    def as_written(
        self, answer: Attribution, side: int, prompt: StudyPrompt, step: Progress
    ) -> Asking[Attribution]:
        """A model's answer about its own response, with how that ended where a server wrote it."""
        served = self._served[side]
        written = served and (yield from served.of(prompt, step))
        return replace(answer, ended=written.ended) if written else answer

    def fetch(self, side: int, prompts: Iterable[StudyPrompt]) -> Asking[None]:
        """Have a model's server, if it has one, write the responses that are not kept.

        Raises:
            ProblemError: A problem that would affect every other case too.
        """
        served = self._served[side]
        if served is not None:
            yield from served.fetch(prompts)

    def _written(self, side: int, prompt: StudyPrompt, step: Progress) -> Asking[Written | None]:
        """A model's own response; None if it is unavailable."""
        model, served = self.given.pair[side], self._served[side]
        if served is not None:
            found = yield from served.of(prompt, step)
            return None if found is None else Written(found.text, found.ids, model)
        ending = yield from self.ask(self.given.requests(prompt)[side], prompt, step)
        return None if ending is None else Written.of(ending.result, model)

    def ask(
        self, request: Request[Any], prompt: StudyPrompt, step: Progress
    ) -> Asking[Finished | None]:
        """One answer about a prompt; None if there is none, with the reason in `left_out`.

        Raises:
            ProblemError: A problem that would affect every other case too.
        """
        who = request.models()[0].name
        return (yield from self._patient.ask(request, prompt.id, step, who))
