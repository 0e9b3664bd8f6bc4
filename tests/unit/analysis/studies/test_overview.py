"""The overview: sections of findings that are kept or made, and what cannot be made, with why."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from analysis.events import Progress
from analysis.methods import CHANGES_ALONG, StudySpec, studies
from analysis.models.references import resolve
from analysis.problems import problem
from analysis.request import ModelChoice
from analysis.studies.caveats import caveat_of
from analysis.studies.findings import Findings, NamedTable
from analysis.studies.overview import (
    NOTHING,
    ORDER,
    Overview,
    Plan,
    Section,
    in_order,
    models_table,
    section,
)
from analysis.studies.series import SeriesInput, Step
from analysis.studies.study import PairInput
from analysis.table import Table
from tests.support.scripted_weights import architecture
from tests.support.studies import KeepingSession, answered, driven, rows

BASE = ModelChoice("demo-base", "demo-base")
STARTED: list[str] = []


def finds(given):
    """A study with one number, of the tuned model's name."""
    STARTED.append(given.tuned.name)
    yield Progress("reading", 0, 1)
    if given.tuned.name == "broken":
        raise problem("engine", "The engine died.", "It was killed.", "Try again.")
    if given.tuned.name == "other":
        raise problem("input", "The models are built differently.")
    size = len(given.tuned.name) / 2
    table = NamedTable("sizes", "Sizes", Table(("model", "size"), [("tuned", size)]))
    return Findings("sizes", "Sizes of names", (f"The name has {size}.",), (table,))


SPEC = StudySpec("sizes", "sizes", "tests.unit.analysis.studies.test_overview:finds", "pair")


def plan(tuned="demo-tuned", session=None, **changes):
    given = PairInput(session or KeepingSession({}), BASE, ModelChoice(tuned, tuned))
    return Plan(**{"spec": SPEC, "command": "insttui study sizes", "given": given, **changes})


@pytest.fixture(autouse=True)
def started():
    STARTED.clear()
    return STARTED


def test_a_section_is_what_its_study_found_and_says_where_it_is_meanwhile():
    made, said = driven(section(plan(), 1, 3))
    assert made.sentence == "The name has 5.0."
    assert (made.title, made.failed, made.command) == (
        "Sizes of names",
        False,
        "insttui study sizes",
    )
    assert made.caveat == caveat_of("sizes")
    assert [each.stage for each in said] == [
        "sizes (2 of 3): looking what is kept",
        "sizes (2 of 3): reading",
    ]


def test_what_is_kept_is_not_made_again(started):
    session = KeepingSession({})
    first = answered(section(plan(session=session)))
    second = answered(section(plan(session=session)))
    assert started == ["demo-tuned"]
    assert second.sentence == first.sentence
    assert rows(second.findings.tables[0]) == rows(first.findings.tables[0])


@pytest.mark.parametrize(
    ("tuned", "failed", "said"),
    [
        ("broken", True, "Failed: The engine died. It was killed."),
        ("other", False, "Left out: The models are built differently."),
    ],
)
def test_a_section_that_cannot_be_made_says_why_and_whether_that_is_a_failure(tuned, failed, said):
    made = answered(section(plan(tuned)))
    assert (made.findings, made.failed, made.sentence) == (None, failed, said)


def test_a_section_without_input_is_left_out_with_its_reason(started):
    made = answered(section(plan(given=None, without="There are no prompts.")))
    assert made.sentence == "Left out: There are no prompts."
    assert started == []


def test_closing_a_section_closes_its_study():
    closed = []

    def study(given):
        try:
            yield Progress("reading", 0, 1)
        finally:
            closed.append(True)

    @dataclass
    class Spec:
        name: str = "sizes"
        title: str = "sizes"

        def start(self, given):
            return study(given)

    steps = section(plan(spec=Spec()))
    next(steps), next(steps)
    steps.close()
    assert closed == [True]


def test_a_section_along_a_run_has_curves_and_tables_by_step(started):
    session = KeepingSession({}, lambda request: "opened")
    names = ("m", "mod", "model")
    steps = tuple(Step(each, plan(name, session).given) for each, name in enumerate(names))
    along = plan(given=SeriesInput(steps))
    made = answered(section(along))
    assert made.sentence == "From step 0 to step 2, the size of tuned goes from 0.5 to 2.5."
    (table,) = made.findings.tables
    assert [each["step"] for each in rows(table)] == [0, 1, 2]
    (curve,) = made.findings.figures
    assert curve.series[0].y == (0.5, 1.5, 2.5)
    # A second page computes nothing.
    again = answered(section(along))
    assert (again.sentence, len(started)) == (made.sentence, 3)


def test_every_study_has_its_place_and_weights_come_first():
    names = [each.name for each in in_order((*studies(), CHANGES_ALONG))]
    assert names[0] == "changes"
    assert len(names) == len(studies()) + 1
    assert [each for each in names if each in ORDER] == [each for each in ORDER if each in names]
    # Scores come behind all of these, in their own order.
    of_cases = [each.name for each in studies() if each.takes == "cases" and each.name not in ORDER]
    assert names[-len(of_cases) :] == of_cases


def test_every_study_says_what_it_does_not_show():
    of_any = caveat_of("no study")
    assert "is not shown" in of_any
    for each in (*studies(), CHANGES_ALONG):
        assert caveat_of(each.name) != of_any, each.name


def test_a_study_that_found_nothing_says_so():
    found = Findings("sizes", "Sizes", (), ())
    assert Section("sizes", "Sizes", "", found).sentence == NOTHING


def test_a_page_has_failed_and_found_as_its_sections_did():
    found = Section("a", "A", "", Findings("a", "A", (), ()))
    left, failed = Section("b", "B", "", without="no"), Section("c", "C", "", failed=True)

    def page(*sections):
        made = Overview("x", ("y",), Table((), []), sections)
        return made.found, made.failed

    assert page(found, left) == (True, False)
    assert page(left) == (False, False)
    assert page(found, failed) == (True, True)


def test_the_models_are_told_by_what_they_are():
    def answer(request):
        if request.model.name == "gone":
            raise problem("model", "The model gone cannot be read.")
        return architecture(request)

    session = KeepingSession({}, answer)
    gone = ModelChoice("gone", "gone", dtype="bfloat16")
    table = answered(models_table(session, [("base", resolve("demo-base")), ("step 1", gone)]))
    base, step = rows(table)
    assert base["model"] == "demo-base"
    assert "layers" in base["architecture"]
    assert base["fingerprint"].startswith("files:")
    assert step["architecture"] == "The model gone cannot be read."
    assert (base["--dtype"], step["--dtype"]) == ("auto", "bfloat16")
