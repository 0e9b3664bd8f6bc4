"""A study along a training run: each step's rows are those of that pair, and curves follow them."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.events import Progress
from analysis.methods import study_of
from analysis.models.request import TokenizeRequest
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice, Request
from analysis.saliency.cases.prompt_sets import PromptSet, StudyPrompt
from analysis.saliency.gather import AskedCases
from analysis.studies.curves import StepTable, curves, headline
from analysis.studies.findings import NamedTable
from analysis.studies.series import FAMILIES, SeriesInput, Step, kept_series
from analysis.table import Table
from tests.support.scripted_session import attribution, word_tokens
from tests.support.studies import KeepingSession, driven

BASE = ModelChoice("demo-base", "/base")
LABELS = (10, 20, 30)
PROMPTS = PromptSet(
    "set",
    tuple(
        StudyPrompt(f"p{n}", "set", f"Name {n} cities, please.", ((0, 4),), False) for n in range(4)
    ),
    "digest",
)


def tuned(label: int) -> ModelChoice:
    return ModelChoice(f"run/checkpoint-{label}", f"/run/{label}")


def answer(request: Request[Any]) -> Any:
    if isinstance(request, TokenizeRequest):
        return word_tokens("a")
    # Every step is another model, with other numbers.
    return attribution(
        request, seed=len(request.models()[0].name) + int("20" in request.models()[0].name)
    )


def series_on(session: KeepingSession) -> SeriesInput:
    steps = (
        Step(label, AskedCases(session, BASE, tuned(label), PROMPTS, response=("own", "base")))
        for label in LABELS
    )
    return SeriesInput(tuple(steps))


def test_each_steps_rows_are_those_of_that_pair_alone() -> None:
    spec = study_of("density")
    session = KeepingSession({}, answer)
    given = series_on(session)
    found, said = driven(spec.start(given))
    assert found.title.endswith("along 3 steps of training")
    alone = {
        step.label: driven(spec.start(step.given))[0]
        for step in series_on(KeepingSession({}, answer)).steps
    }
    for number, named in enumerate(found.tables):
        assert named.table.columns[0] == "step"
        for label, findings in alone.items():
            rows = [row[1:] for row in named.table if row[0] == label]
            same = findings.tables[number]
            assert (named.name, named.table.columns[1:]) == (same.name, same.table.columns)
            assert rows == list(same.table)
    stages = [each.stage for each in said if isinstance(each, Progress)]
    assert any(stage.startswith("step 20 (2 of 3): ") for stage in stages)
    assert found.figures
    assert all(line.x == (10.0, 20.0, 30.0) for figure in found.figures for line in figure.series)
    # The base model alone is asked once for all steps.
    asked = [request for request in session.computed if request.models() == (BASE,)]
    assert len(asked) == len(set(asked))


def test_what_was_found_before_is_read_again_without_a_request() -> None:
    spec = study_of("density")
    store: dict[Request[Any], Any] = {}
    first = series_on(KeepingSession(store, answer))
    assert kept_series(spec.name, first) is None
    found, _ = driven(spec.start(first))
    silent = KeepingSession(store, answer)
    again = kept_series(spec.name, series_on(silent))
    assert again is not None
    assert not silent.computed
    assert [list(each.table) for each in again.tables] == [list(t.table) for t in found.tables]


def test_a_model_that_is_of_no_use_ends_it_before_any_work() -> None:
    def refuse(request: Request[Any]) -> Any:
        if isinstance(request, TokenizeRequest) and "30" in request.models()[0].name:
            raise problem("model", "run/checkpoint-30 cannot be read.")
        return answer(request)

    session = KeepingSession({}, refuse)
    with pytest.raises(ProblemError, match="checkpoint-30 cannot be read"):
        driven(study_of("density").start(series_on(session)))
    assert all(isinstance(request, TokenizeRequest) for request in session.computed)


def test_the_note_on_tests_stands_where_there_are_tests() -> None:
    found, _ = driven(study_of("density").start(series_on(KeepingSession({}, answer))))
    has_tests = any("p_holm" in each.table.columns for each in found.tables)
    assert (FAMILIES in found.notes) == has_tests


def step_table(label: int, *rows: tuple[Any, ...]) -> StepTable:
    columns = ("model", "count", "mean", "deviation", "p_value")
    return StepTable(
        label, NamedTable("t", "Scores", Table(columns, list(rows))), {f"m{label}": "tuned"}
    )


def test_curves_follow_the_rows_by_the_roles_of_their_models() -> None:
    figures = curves(
        [
            step_table(1, ("base", 4, 0.5, 0.1, 0.3), ("m1", 4, 0.25, 0.2, 0.3)),
            step_table(2, ("base", 4, 0.5, 0.1, 0.2), ("m2", 4, None, 0.2, 0.2)),
            step_table(3, ("base", 4, 0.5, 0.1, 0.1), ("m3", 4, 0.75, 0.3, 0.1)),
        ]
    )
    (figure,) = figures
    assert figure.y_label == "mean"
    lines = {line.name: line for line in figure.series}
    assert lines["base"].y == (0.5, 0.5, 0.5)
    assert lines["tuned"].y == (0.25, None, 0.75)
    assert lines["tuned"].spread == (0.2, 0.2, 0.3)
    (sentence,) = headline((1, 2, 3), figures)
    assert "From step 1 to step 3, the mean of tuned goes from 0.25 to 0.75" in sentence


def test_a_row_that_a_number_names_says_of_what() -> None:
    columns = ("layer", "angle")

    def at(label: int, *angles: float) -> StepTable:
        table = Table(columns, list(enumerate(angles)))
        return StepTable(label, NamedTable("t", "Angles", table), {})

    figures = curves([at(1, 10.0, 20.0), at(2, 10.0, 50.0)])
    assert [line.name for line in figures[0].series] == ["layer 0", "layer 1"]
    (sentence,) = headline((1, 2), figures)
    assert sentence == "From step 1 to step 2, the angle of layer 1 goes from 20 to 50."


def test_one_step_has_no_curve() -> None:
    assert curves([step_table(1, ("base", 4, 0.5, 0.1, 0.3))]) == []
