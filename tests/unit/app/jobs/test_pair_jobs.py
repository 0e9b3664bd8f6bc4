"""Shapes of both models first, then the parts, and the one thing that is opened."""

from __future__ import annotations

from analysis.events import Failed, Finished
from analysis.models.request import Architecture, ArchitectureRequest
from analysis.problems import Problem
from analysis.request import ModelChoice
from analysis.words.choice import Words, WordVectors
from app.views.heads.view import HeadJobs
from app.workspace import PairWorkspace
from tests.support.scripted_session import OpenSession

BASE, TUNED = (ModelChoice(name, name) for name in ("demo-base", "demo-tuned"))


def built(model, layers=2):
    return Architecture(model, "llama", layers, 4, 4, 8, 32, 64, 0)


class House:
    """Jobs of a view, what they asked, and what they made of the answers."""

    def __init__(self):
        session, self.news = OpenSession(), []
        self.asked = session.jobs
        workspace = PairWorkspace(None, BASE, TUNED, Words("demo"), WordVectors("demo"))
        self.jobs = HeadJobs(workspace, session, self)

    def post_message(self, message):
        self.news.append(self.jobs.apply(message.watch))

    def answer_shapes(self, *layers):
        for job, each in zip(self.asked[:2], layers, strict=True):
            job.listener(Finished(built(job.request.model.name, each)))


def test_the_shapes_of_both_models_are_asked_first():
    house = House()
    assert [job.request for job in house.asked] == [*map(ArchitectureRequest, (BASE, TUNED))]
    assert house.jobs.running is house.jobs.whole
    assert "Reading" in house.jobs.words()
    house.answer_shapes(2, 2)
    assert house.news[-1][0] is house.jobs.whole
    assert house.jobs.alike
    assert house.jobs.words() == ""
    assert house.jobs.running is None


def test_models_built_alike_have_the_same_shape_whatever_they_are_called():
    assert built("a").is_built_like(built("b"))
    house = House()
    house.answer_shapes(2, 3)
    assert not house.jobs.alike
    said = house.jobs.words()
    assert said.startswith("demo-base and demo-tuned have different shapes.")
    assert said.endswith(HeadJobs.UNLIKE)


def test_a_failure_is_told_and_run_again():
    house = House()
    said = {"what": "It ended.", "why": "It was killed.", "remedy": "Wait."}
    house.asked[0].listener(Failed(Problem(kind="engine", **said)))
    assert house.jobs.words().split("\n\n") == [*said.values(), "r runs it again."]
    assert house.jobs.going_on(engine_starting=False)[0][1] == "bad"
    house.jobs.run_again(1)
    assert [type(job.request) for job in house.asked[2:]] == [ArchitectureRequest] * 2
    assert house.jobs.unfinished is None


def test_what_was_opened_before_is_given_up_and_the_same_is_not_asked_twice():
    house = House()
    house.answer_shapes(2, 2)
    house.jobs.open_head(0, 1)
    house.jobs.open_head(0, 1)
    assert len(house.asked) == 4
    house.jobs.open_head(1, 1)
    assert len(house.asked) == 6
    assert [job.cancelled for job in house.asked[2:]] == [True, True, False, False]
    assert house.jobs.neuron_pairs is None


def test_what_was_opened_is_waited_for_most_and_everything_stops():
    house = House()
    house.answer_shapes(2, 2)
    assert not house.jobs.stop()
    house.jobs.begin_layers()
    assert house.jobs.running is house.jobs.parts
    house.jobs.open_head(0, 0)
    assert house.jobs.running is house.jobs.opened
    assert house.jobs.stop()
    assert all(job.cancelled for job in house.asked[2:])
    assert house.jobs.unfinished is house.jobs.opened
    house.jobs.run_again(1)
    assert house.jobs.running is house.jobs.opened
    assert house.jobs.unfinished is house.jobs.parts
