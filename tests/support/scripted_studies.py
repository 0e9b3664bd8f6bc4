"""Studies that say and find what a script says, as slowly as a test wants."""

from __future__ import annotations

import threading
import time

from analysis.events import Progress
from analysis.methods import StudySpec
from analysis.models.request import TokenizeRequest
from analysis.neurons.instructions import demo_instructions
from analysis.problems import problem
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.gather import CasesInput
from analysis.session.drive import Asker
from analysis.studies.findings import Figure, Findings, NamedTable, Series
from analysis.studies.study import PairInput, Study
from analysis.table import Table

STEPS = 12
CASE_COLUMNS = ("case", "model", "response_length", "rating", "followed_or_not", "score", "share")
NOTE = "A score is high where the model kept the instruction in view."


class Play:
    """What the scripted studies do.

    Attributes:
        gate: Cleared, it holds them before their next step.
        given: What they were given, in order.
        fault: Raised after the first step; None for none.
        deaf: They never come back from their first step.
        lines: How many lines the figure has.
    """

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.given: list[CasesInput | PairInput] = []
        self.fault: Exception | None = None
        self.deaf = False
        self.lines = 2


PLAY = Play()


def _spec(name: str, takes: str) -> StudySpec:
    factory = f"tests.support.scripted_studies:{name}"
    spec = StudySpec(name=name, title=f"what {name} shows", factory=factory, takes=takes)
    cases = "analysis.saliency.gather:AskedCases"
    return spec._replace(given=cases) if takes == "cases" else spec


def scores(given: CasesInput) -> Study:
    """Cases: their ids from the prompts or the library."""
    yield from _steps(given, "asking demo-base")
    if isinstance(given, CaseLibrary):
        ids = [case.id for case in given.cases]
    else:
        ids = [each.id for each in given.prompts.prompts]
    return scores_found(ids)


def weights(given: PairInput) -> Study:
    """Heads and components."""
    yield from _steps(given, "reading heads")
    heads = [(layer, head, layer / 10 + head / 100) for layer in range(4) for head in range(4)]
    components = [
        (model, layer, number)
        for model in ("demo-base", "demo-tuned")
        for layer in range(3)
        for number in range(6)
    ]
    return Findings(
        "weights",
        "What weights show",
        ("Heads changed.",),
        (
            NamedTable("heads", "Every head", Table(("layer", "head", "change"), heads), "head"),
            NamedTable(
                "components",
                "Every component",
                Table(("model", "layer", "component"), components),
                "component",
            ),
        ),
    )


def links(given: PairInput) -> Study:
    """Rows that lead to layers and to units."""
    yield from _steps(given, "reading rows")
    first, second = demo_instructions().categories[:2]
    layers = [
        ("demo-tuned", 2, "task"),
        ("demo-base", 1, "distribution"),
        ("demo-tuned", 3, "task"),
    ]
    cells = [
        ("neurons", second, None, 2),
        ("neurons", second, None, None),
        ("neurons", first, second, None),
    ]
    return Findings(
        "rows",
        "What rows show",
        ("Rows lead on.",),
        (
            NamedTable(
                "layers", "Every layer", Table(("model", "layer", "label"), layers), "clusters"
            ),
            NamedTable(
                "cells",
                "Every cell",
                Table(("units", "category", "other_category", "layer"), cells),
                "units",
            ),
            NamedTable("unique", "Unique", Table(("category",), [(second,)]), "units"),
        ),
    )


SPECS = (_spec("scores", "cases"), _spec("weights", "pair"))


def scores_found(ids: list[str]) -> Findings:
    """What `scores` finds for these cases."""
    rows = [
        (case, model, 10 + number, None, "followed", number / 7, 0.25)
        for number, case in enumerate(ids)
        for model in ("demo-base", "demo-tuned")
    ]
    places = ("first", "second", "third")
    lines = tuple(
        Series(f"line {number}", places, (0.5, 0.25 + number, None), (0.1, 0.2, None))
        for number in range(PLAY.lines)
    )
    groups = ("letters", "signs [b]\x1b[31m")
    bars = (
        Series("base", groups, (0.5, -0.25)),
        Series("tuned", groups, (1.0, None), (0.125, None)),
    )
    return Findings(
        study="scores",
        title="Scores of responses",
        statements=("Tuned scores are higher: p 0.01.", "A [b]hostile\x1b[31m\u202e one."),
        tables=(
            NamedTable("cases", "Every response", Table(CASE_COLUMNS, rows), "case", NOTE),
            NamedTable("summary", "Means", Table(("model", "mean"), [("demo-base", 0.5)])),
        ),
        figures=(
            Figure("profile", "A profile", "place", "share", lines),
            Figure("groups", "Groups", "dataset", "score", bars, "bars"),
        ),
        parameters={"prompts": "demo", "norm": 4},
        notes=("One case was left out.",),
    )


def _steps(given: CasesInput | PairInput, stage: str) -> Study:
    PLAY.given.append(given)
    for done in range(STEPS):
        step = Progress(stage, done, STEPS, f"case-{done}")
        yield step
        while not PLAY.gate.wait(0.01):
            yield step
        if PLAY.deaf:
            time.sleep(3600)
        if PLAY.fault is not None:
            raise PLAY.fault
        if isinstance(given, PairInput) and done == 0:
            yield from Asker(given.session).ending(TokenizeRequest(given.base, "a prompt"), step)


def engine_died() -> Exception:
    """What a study raises whose engine died."""
    return problem("engine", "The engine died.", "It was killed.", "Try again.")
