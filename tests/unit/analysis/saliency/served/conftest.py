"""The demo pair, what it says to a few prompts, and a server that says the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from analysis.demo.catalog import DEMO_BASE, DEMO_TUNED
from analysis.engine.pool import ModelPool
from analysis.models.references import resolve
from analysis.problems import Problem, ProblemError
from analysis.request import ModelChoice
from analysis.saliency.cases.prompt_sets import PromptSet, StudyPrompt
from analysis.saliency.gather import AskedCases
from analysis.saliency.request import AttributionRequest, CurvesRequest
from analysis.saliency.served.server import ResponseServer as Server
from analysis.saliency.study_density import study
from analysis.servers.endpoint import Endpoint
from analysis.servers.pace import Pace
from analysis.studies.findings import Findings
from tests.support.engine_here import SessionHere
from tests.support.response_server import ResponseServer, Script, response_server
from tests.support.studies import answered

END = 1
LIMIT = 8
QUICK = Pace(4, attempts=3, first_wait=0.01)
PROMPTS = (
    "Name the capital of France.",
    "Write the word that means the opposite of big.",
    "Translate dog into French, please.",
    "Which day comes after Monday?",
    "Say a colour.",
)


@pytest.fixture(scope="session")
def pool() -> ModelPool:
    """Models that every test shares."""
    return ModelPool()


@pytest.fixture(scope="session")
def pair() -> tuple[ModelChoice, ModelChoice]:
    base, tuned = (replace(resolve(name), device="cpu") for name in (DEMO_BASE, DEMO_TUNED))
    return base, tuned


@dataclass
class Study:
    """A study of density on the demo pair; `store` is its cache, which may be shared."""

    pool: ModelPool
    pair: tuple[ModelChoice, ModelChoice]
    prompts: PromptSet
    known: dict[str, Any] = field(default_factory=dict)

    def session(self, store: dict[str, Any] | None) -> SessionHere:
        """A session that explains no response twice in all tests."""
        return SessionHere(self.pool, store, self.known, (AttributionRequest, CurvesRequest))

    def given(self, session: SessionHere, **changes: Any) -> AskedCases:
        """Its input."""
        changes = {"chat_template": True, "max_new_tokens": LIMIT, **changes}
        return AskedCases(session, *self.pair, self.prompts, **changes)

    def __call__(self, store: dict[str, Any] | None = None, **changes: Any) -> Findings:
        """What it finds."""
        store = {} if store is None else store
        return answered(study(self.given(self.session(store), **changes)))

    def refused(self, **changes: Any) -> Problem:
        """Why it does not go on."""
        with pytest.raises(ProblemError) as caught:
            self(**changes)
        return caught.value.problem


@pytest.fixture(scope="session")
def prompts() -> PromptSet:
    made = tuple(
        StudyPrompt(f"case {number}", "few", text, ((0, 5),), guessed=False)
        for number, text in enumerate(PROMPTS)
    )
    return PromptSet("few.jsonl", made, "digest")


@pytest.fixture(scope="session")
def run(pool: ModelPool, pair: tuple[ModelChoice, ModelChoice], prompts: PromptSet) -> Study:
    return Study(pool, pair, prompts)


@pytest.fixture(scope="session")
def local(run: Study) -> tuple[Findings, list[dict[tuple[int, ...], Script]]]:
    """What the study finds without a server, and both models' responses as scripts."""
    store: dict[str, Any] = {}
    findings = run(store)
    scripts: list[dict[tuple[int, ...], Script]] = []
    given = run.given(run.session(store))
    for side in range(2):
        scripts.append({})
        for prompt in run.prompts.prompts:
            request: AttributionRequest = given.requests(prompt)[side]
            answer = given.session.cached(request)
            assert answer is not None
            ids = answer.response_tokens.ids
            ended = answer.ended == "end"
            scripts[side][answer.prompt_tokens.ids] = Script(
                (*ids, END) if ended else ids, answer.response, "stop" if ended else "length"
            )
    return findings, scripts


@pytest.fixture
def server(local: tuple[Findings, list[dict[tuple[int, ...], Script]]]) -> Iterator[ResponseServer]:
    """Both models behind one address."""
    with response_server() as opened:
        for name, scripts in zip(("base", "tuned"), local[1], strict=True):
            opened.serve_as(name, scripts)
        yield opened


@pytest.fixture
def servers(server: ResponseServer) -> Callable[..., tuple[Server, Server]]:
    """Both models' servers, at that address unless told."""

    def made(address: str = "", *, seconds: float = 20.0, pace: Pace = QUICK) -> Any:
        return tuple(
            Server(Endpoint(name, address or server.address), pace, seconds)
            for name in ("base", "tuned")
        )

    return made
