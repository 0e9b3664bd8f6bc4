"""The study of task clusters asks both models and says what is there, null results included."""

from __future__ import annotations

import pytest

from analysis.clustering.request import ClustersRequest
from analysis.clustering.study import ClustersInput
from analysis.clustering.tasks.natural import natural_tasks
from analysis.clustering.tasks.task_set import TaskSet
from analysis.events import Failed, Finished, Notice, Progress
from analysis.methods import study_of
from analysis.models.references import resolve
from analysis.problems import Problem, ProblemError
from analysis.studies.testing import TOLD
from tests.support.scripted_clusters import task_clusters
from tests.support.scripted_session import ScriptedSession
from tests.support.studies import answered, driven

BASE, TUNED = resolve("demo-base"), resolve("demo-tuned")


def answer(request):
    yield Progress("states", 3, 10, "instances")
    yield Finished(task_clusters(request))


@pytest.fixture
def session():
    session = ScriptedSession(answer)
    yield session
    session.close()


def started(session):
    return study_of("clusters").start(ClustersInput(session, BASE, TUNED))


@pytest.fixture
def findings(session):
    return answered(started(session))


def test_both_models_are_asked_the_sixteen_tasks(session):
    _, said = driven(started(session))
    assert session.requests == [
        ClustersRequest(each, natural_tasks().tasks) for each in (BASE, TUNED)
    ]
    assert Progress("demo-tuned: states", 3, 10, "instances") in said


def test_what_is_chosen_is_asked_and_stated(session):
    tasks = TaskSet("mine.toml", natural_tasks().tasks[:3], ("One task was left out.",))
    chosen = {"mappings": 4, "tsne": True, "seed": 9, "neighbours": 2}
    given = ClustersInput(session, BASE, TUNED, tasks=tasks, chat_template=True, **chosen)
    found = answered(study_of("clusters").start(given))
    assert session.requests == [
        ClustersRequest(BASE, tasks.tasks, **chosen),
        ClustersRequest(TUNED, tasks.tasks, chat_template=True, **chosen),
    ]
    assert [found.parameters[name] for name in ("tasks from", "seed")] == ["mine.toml", 9]
    assert "One task was left out." in found.notes


def test_what_is_said_on_the_way_is_noted_once():
    def crowded(request):
        yield Notice(Problem(kind="storage", what="The disk is full."))
        yield from answer(request)

    session = ScriptedSession(crowded)
    findings = answered(started(session))
    session.close()
    assert [note for note in findings.notes if "full" in note] == ["The disk is full."]


def test_the_first_table_has_the_best_layer_of_each_model(findings):
    rows = [row[:3] for row in findings.tables[0].table]
    assert rows == [("demo-base", 2, pytest.approx(0.4)), ("demo-tuned", 3, pytest.approx(0.6))]
    assert [table.name for table in findings.tables] == ["best", "layers", "neighbours", TOLD]


def test_the_findings_have_the_numbers_and_the_precision_that_was_used(findings):
    # The finding comes first: whether tuning moved the scores.
    assert findings.statements[0].startswith("Task F1 above the embeddings: ")
    best = (
        "demo-base tells tasks apart best in layer 2: task F1 0.400, pair F1 0.200, ARI 0.300, "
        "AMI 0.350;"
    )
    assert any(each.startswith(best) for each in findings.statements)
    assert "Best task F1: demo-base 0.400, demo-tuned 0.600 (+0.200)." in findings.statements
    text = "\n".join(findings.statements)
    assert "0.200 at the embeddings, from 0.300 to 0.400" in text
    assert "predict its output best in layer 3, 90.0%" in text
    assert any("several tokens" in note for note in findings.notes)
    assert findings.parameters["base precision"] == "float32 on cpu"
    assert findings.parameters["tuned precision"] == "float32 on cpu"


def test_the_figures_have_every_layer_of_both_models(findings):
    assert len(findings.figures) == 4
    for figure in findings.figures:
        assert [each.name for each in figure.series] == ["demo-base", "demo-tuned"]
        assert all(each.x == (0, 1, 2, 3) and len(each.y) == 4 for each in figure.series)


def test_what_a_model_fails_with_is_passed_on():
    def fail(request):
        yield Failed(Problem(kind="memory", what="Too large."))

    session = ScriptedSession(fail)
    with pytest.raises(ProblemError, match="Too large"):
        driven(started(session))
    session.close()


def test_closed_it_gives_the_request_up(session, monkeypatch):
    session.gate.clear()
    submit, jobs = session.submit, []

    def noted(*arguments, **options):
        jobs.append(submit(*arguments, **options))
        return jobs[-1]

    monkeypatch.setattr(session, "submit", noted)
    study = started(session)
    next(study)
    assert not jobs[0].cancelled.is_set()
    study.close()
    assert jobs[0].cancelled.is_set()
