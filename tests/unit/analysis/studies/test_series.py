"""A study along a training run is the study of every step; its base model is asked once."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from analysis.clustering.request import ClustersRequest
from analysis.clustering.study import ClustersInput
from analysis.concepts.study import ConceptsInput
from analysis.divergence.request import DivergenceRequest
from analysis.divergence.study_input import DivergenceInput
from analysis.events import Progress
from analysis.methods import CHANGES_ALONG, study_of
from analysis.models.request import ArchitectureRequest, TokenizeRequest
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice
from analysis.saliency.cases.prompt_sets import demo_prompts
from analysis.saliency.gather import AskedCases
from analysis.saliency.request import AttributionRequest
from analysis.studies.findings import NamedTable
from analysis.studies.outlook import Outlook
from analysis.studies.series import SeriesInput, Step, combined, kept_series, look_along
from analysis.studies.series import by_step as stacked
from analysis.studies.study import PairInput
from analysis.table import Table, write_csv
from analysis.words.choice import Words
from tests.support.scripted_changes import layer_changes
from tests.support.scripted_clusters import task_clusters
from tests.support.scripted_concepts import layer_concepts
from tests.support.scripted_session import attribution, facts, word_tokens
from tests.support.scripted_weights import architecture
from tests.support.studied_divergences import divergence
from tests.support.studies import KeepingSession, answered, driven

BASE = ModelChoice("plain", "/plain")
TUNED = {step: ModelChoice(f"run/checkpoint-{step}", f"/run/{step}") for step in (5, 10, 20)}
PROMPTS = replace(demo_prompts(), prompts=demo_prompts().prompts[:4])


def answer(request):
    """Answers that differ between the steps."""
    kind = type(request).__name__
    if isinstance(request, DivergenceRequest):
        return divergence(request)
    if isinstance(request, AttributionRequest):
        return attribution(request, seed=sum(map(ord, request.model.name)))
    return {
        "ArchitectureRequest": architecture,
        "ClustersRequest": task_clusters,
        "ConceptsRequest": layer_concepts,
        "ChangesRequest": layer_changes,
        "TokenizeRequest": lambda request: word_tokens(request.prompt),
        "LoadRequest": lambda request: facts(request.model.name),
    }[kind](request)


GIVEN = {
    "density": lambda session, tuned: AskedCases(session, BASE, tuned, PROMPTS),
    "position": lambda session, tuned: AskedCases(session, BASE, tuned, PROMPTS),
    "divergence": lambda session, tuned: DivergenceInput(
        session, BASE, tuned, PROMPTS, response=("tuned", "base")
    ),
    "clusters": lambda session, tuned: ClustersInput(session, BASE, tuned),
    "concepts": lambda session, tuned: ConceptsInput(session, BASE, tuned, Words("demo")),
    "changes": lambda session, tuned: CHANGES_ALONG.input(
        {"session": session, "base": BASE, "tuned": tuned, "words": Words("demo")}
    ),
}


def spec_of(name):
    return CHANGES_ALONG if name == "changes" else study_of(name)


def series(name, session):
    return SeriesInput(tuple(Step(n, GIVEN[name](session, each)) for n, each in TUNED.items()))


def csv_of(table):
    stream = io.StringIO(newline="")
    write_csv(table, stream)
    return stream.getvalue()


@pytest.mark.parametrize("name", GIVEN)
def test_the_rows_of_a_step_are_those_of_its_pair_to_the_byte(name):
    found = answered(spec_of(name).start(series(name, KeepingSession({}, answer))))
    for step, tuned in TUNED.items():
        alone = answered(spec_of(name).start(GIVEN[name](KeepingSession({}, answer), tuned)))
        for one, every in (
            *zip(alone.tables, found.tables, strict=True),
            *zip(alone.data, found.data, strict=True),
        ):
            assert every.table.columns == ("step", *one.table.columns)
            rows = [row[1:] for row in every.table if row[0] == step]
            assert csv_of(Table(one.table.columns, rows)) == csv_of(one.table)
        assert [f"Step {step}: {said}" for said in alone.statements] == [
            said for said in found.statements if said.startswith(f"Step {step}:")
        ]


def test_divergence_has_curves_by_position_and_kind_and_of_each_kind_of_responses():
    found = answered(study_of("divergence").start(series("divergence", KeepingSession({}, answer))))
    figures = {figure.name: figure for figure in found.figures}
    lines = figures["curve-positions-mean-kl"].series
    assert {"tuned · 0", "base · 0"} <= {line.name for line in lines}
    assert all(line.x == (5, 10, 20) for line in lines)
    assert any(name.startswith("curve-tasks-") for name in figures)


def test_the_base_model_is_asked_once_over_all_steps():
    session = KeepingSession({}, answer)
    answered(study_of("clusters").start(series("clusters", session)))
    asked = [each.model for each in session.computed if isinstance(each, ClustersRequest)]
    assert asked == [BASE, *TUNED.values()]
    session = KeepingSession({}, answer)
    answered(study_of("density").start(series("density", session)))
    own = [
        each.prompt
        for each in session.computed
        if isinstance(each, AttributionRequest) and each.model == BASE and each.response_ids is None
    ]
    assert sorted(own) == sorted(prompt.prompt for prompt in PROMPTS.prompts)


def test_progress_says_the_step_and_of_how_many():
    _, said = driven(study_of("clusters").start(series("clusters", KeepingSession({}, answer))))
    stages = list(dict.fromkeys(each.stage for each in said if isinstance(each, Progress)))
    assert stages[0] == "opening the models"
    assert {stage.partition(":")[0] for stage in stages[1:]} == {
        "step 5 (1 of 3)",
        "step 10 (2 of 3)",
        "step 20 (3 of 3)",
    }


@pytest.mark.parametrize("name", ["clusters", "concepts", "density", "changes"])
def test_a_model_that_is_of_no_use_is_told_before_any_work(name):
    bad = TUNED[20]

    def opening(request):
        if bad in request.models():
            raise problem("model", "It is incomplete.")
        return answer(request)

    session = KeepingSession({}, opening)
    with pytest.raises(ProblemError, match="incomplete"):
        answered(spec_of(name).start(series(name, session)))
    assert {type(each) for each in session.computed} <= {ArchitectureRequest, TokenizeRequest}


def test_models_built_differently_are_refused_at_once_where_that_matters():
    def opening(request):
        if isinstance(request, ArchitectureRequest) and request.model == TUNED[20]:
            return architecture(request, layers=3)
        return answer(request)

    session = KeepingSession({}, opening)
    with pytest.raises(ProblemError, match="cannot be compared weight by weight"):
        answered(study_of("concepts").start(series("concepts", session)))
    assert {type(each) for each in session.computed} == {ArchitectureRequest}
    answered(study_of("clusters").start(series("clusters", KeepingSession({}, opening))))


def test_what_was_found_is_found_again_without_asking():
    store = {}
    given = series("clusters", KeepingSession(store, answer))
    assert kept_series("clusters", given) is None
    found = answered(study_of("clusters").start(given))
    session = KeepingSession(store, answer)
    kept = kept_series("clusters", series("clusters", session))
    assert session.computed == []
    assert [csv_of(each.table) for each in kept.tables] == [
        csv_of(each.table) for each in found.tables
    ]
    assert (kept.statements, kept.figures, kept.notes) == (
        found.statements,
        found.figures,
        found.notes,
    )


def test_steps_of_unlike_columns_stand_on_all_of_them():
    tables = [
        [NamedTable("t", "T", Table(("a", "p"), [("x", 1)]))],
        [NamedTable("t", "T", Table(("a", "p", "h"), [("y", 2, 3)])), _extra()],
    ]
    first, extra = stacked((1, 2), tables)
    assert first.table.columns == ("step", "a", "p", "h")
    assert list(first.table) == [(1, "x", 1, None), (2, "y", 2, 3)]
    assert list(extra.table) == [(2, "only here")]


def _extra():
    return NamedTable("extra", "Extra", Table(("what",), [("only here",)]))


def test_what_differs_between_steps_is_named_by_step_and_the_rest_once():
    given = series("clusters", KeepingSession({}, answer))
    found = answered(study_of("clusters").start(given))
    assert found.parameters["steps"] == "5, 10, 20"
    assert found.parameters["base"] == "plain"
    assert found.parameters["tuned at step 10"] == "run/checkpoint-10"
    assert "tuned" not in found.parameters
    assert len(set(found.notes)) == len(found.notes)


def test_what_the_base_model_alone_is_asked_counts_once():
    base = ClustersRequest(BASE, ())

    def look(given: PairInput) -> Outlook:
        return Outlook(3, 1, (base, ClustersRequest(given.tuned, ())), "a trifle")

    ahead = look_along(series("clusters", KeepingSession({}, answer)), look)
    assert ahead.missing == (base, *(ClustersRequest(each, ()) for each in TUNED.values()))
    assert (ahead.asked, ahead.kept, ahead.more) == (7, 3, "a trifle")
    assert look_along(series("clusters", None), lambda given: None) is None


def test_one_step_has_tables_and_no_curves():
    given = SeriesInput(series("clusters", KeepingSession({}, answer)).steps[:1])
    found = answered(study_of("clusters").start(given))
    assert found.figures == ()
    assert combined(given, [found]).figures == ()
