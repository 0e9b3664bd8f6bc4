"""Layers are asked for one at a time, the one that is looked at first."""

from __future__ import annotations

import pytest

from analysis.events import Cancelled, Event, Failed, Finished, ModelFacts, Notice, Progress
from analysis.heads.request import HeadPairsRequest
from analysis.problems import Problem
from analysis.request import Ask, ModelChoice
from analysis.words.choice import Words, WordVectors
from app.jobs.layer_jobs import LayerJobs, Step
from tests.support.scripted_session import OpenSession

MODELS = (ModelChoice("base", "base"), ModelChoice("tuned", "tuned"))
LAYERS = 4


def asks(n, models=MODELS):
    return tuple(HeadPairsRequest(each, n, Words("demo"), WordVectors("demo")) for each in models)


class House:
    """Jobs with the session they ask and the listener that hands their watches on."""

    def __init__(self, *empty: int):
        self.session = OpenSession()
        self.steps: list[Step | None] = []
        requests = [Ask(f"layer {n}", () if n in empty else asks(n)) for n in range(LAYERS)]
        self.jobs = LayerJobs(self.session, self, requests)

    def post_message(self, message):
        self.steps.append(self.jobs.apply(message.watch))

    def asked(self):
        return [(job.request.layer, job.request.model.name) for job in self.session.jobs]

    def say(self, event: Event, *, job: int = -1):
        self.session.jobs[job].listener(event)

    def finish(self, layer: int):
        for number, job in enumerate(self.session.jobs):
            if job.request.layer == layer and not job.cancelled:
                self.say(Finished(result(layer, job.request.model.name)), job=number)


def result(layer, model):
    return ModelFacts(f"{model} {layer}", "", 0, 0, 0, 0, "", "", False, "", 0.0)


def test_a_layer_with_nothing_to_ask_is_passed_over_wherever_it_is_wanted():
    house = House(0, 2)
    assert (house.jobs.layers, house.jobs.asked) == (4, 2)
    house.jobs.run(0)
    assert house.jobs.layer == 1
    house.jobs.want(2)
    assert house.jobs.layer == 1
    assert "0 of 2 layers" in house.jobs.words()
    house.finish(1)
    assert house.jobs.layer == 3
    house.finish(3)
    assert house.jobs.layer is None
    assert not house.jobs.can_run
    assert house.jobs.both(2) is None
    nothing = House(*range(LAYERS))
    nothing.jobs.run(0)
    assert nothing.asked() == []


def test_the_layer_looked_at_comes_first_and_the_others_in_the_background():
    house = House()
    house.jobs.run(2)
    assert house.asked() == [(2, "base"), (2, "tuned")]
    assert not any(job.background for job in house.session.jobs)
    for layer in (2, 0, 1, 3):
        assert house.jobs.layer == layer
        house.finish(layer)
    assert [layer for layer, _ in house.asked()] == [2, 2, 0, 0, 1, 1, 3, 3]
    assert all(job.background for job in house.session.jobs[2:])
    assert [step.finished for step in house.steps if step.finished is not None] == [2, 0, 1, 3]
    assert house.jobs.layer is None
    assert not house.jobs.can_run


def test_answers_stand_in_the_order_of_the_requests_whichever_comes_first():
    house = House()
    house.jobs.run(0)
    house.say(Finished(result(0, "tuned")), job=1)
    assert house.jobs.results == {}
    house.say(Finished(result(0, "base")), job=0)
    assert [answer.name for answer in house.jobs.results[0]] == ["base 0", "tuned 0"]


def test_another_layer_that_is_looked_at_goes_first_and_what_is_given_up_is_not_heard():
    house = House()
    house.jobs.run(0)
    house.jobs.want(3)
    assert [job.cancelled for job in house.session.jobs] == [True, True, False, False]
    assert not house.session.jobs[-1].background
    house.say(Finished(result(0, "base")), job=0)
    house.say(Cancelled(), job=1)
    assert house.steps == []
    assert house.jobs.results == {}
    assert not house.jobs.stopped
    house.finish(3)
    assert house.jobs.layer == 0


def test_a_layer_that_runs_or_is_there_is_not_asked_for_again():
    house = House()
    house.jobs.run(0)
    house.jobs.want(0)
    assert len(house.session.jobs) == 2
    house.finish(0)
    house.jobs.want(0)
    assert house.jobs.layer == 1


def test_stopping_keeps_what_is_there_and_running_again_goes_on_with_the_rest():
    house = House()
    house.jobs.run(0)
    house.finish(0)
    house.jobs.stop()
    assert house.jobs.stopped
    assert all(job.cancelled for job in house.session.jobs[2:])
    assert house.jobs.can_run
    house.jobs.run(0)
    assert not house.jobs.stopped
    assert house.jobs.layer == 1
    assert list(house.jobs.results) == [0]


def test_a_failure_ends_the_run_and_says_why():
    house = House()
    house.jobs.run(1)
    problem = Problem(kind="memory", what="Too large.")
    house.say(Failed(problem), job=0)
    assert house.jobs.problem == problem
    assert house.session.jobs[1].cancelled
    assert house.jobs.layer is None
    house.jobs.run(1)
    assert house.jobs.problem is None
    assert house.asked()[-2:] == [(1, "base"), (1, "tuned")]


def test_a_request_that_somebody_else_cancelled_counts_as_stopped():
    house = House()
    house.jobs.run(1)
    house.say(Cancelled(), job=0)
    assert house.jobs.stopped
    assert house.jobs.problem is None


def test_notices_are_handed_on_with_an_answer_too():
    house = House()
    house.jobs.run(0)
    notice = Notice(Problem(kind="storage", what="Not saved."))
    house.say(notice, job=0)
    house.say(Finished(result(0, "base")), job=0)
    assert house.steps[0].notices == (notice,)


@pytest.mark.parametrize("total", [None, 32])
def test_the_words_say_which_layer_of_how_many_and_how_far_it_is(total):
    house = House()
    assert house.jobs.words() == ""
    house.jobs.run(3)
    assert house.jobs.words() == "0 of 4 layers · layer 3"
    house.say(Progress("load", 5, total, "heads"), job=1)
    assert house.jobs.words().startswith("0 of 4 layers · layer 3 · tuned: loading · 5")


def test_what_stands_in_the_place_of_layers_is_called_by_its_name():
    house = House()
    asked = [Ask(name, asks(0, MODELS[:1])) for name in ("math", "code")]
    jobs = LayerJobs(house.session, house, asked, kind="categories")
    jobs.run(1)
    assert jobs.words() == "0 of 2 categories · code"


def test_a_model_without_layers_has_nothing_to_run():
    assert not LayerJobs(OpenSession(), House(), []).can_run
