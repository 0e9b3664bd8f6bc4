"""Annotating with a completer that is scripted: what is asked, how often, and when not any more."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.concepts.annotation.annotation import Annotation
from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.completer import Message
from analysis.concepts.annotation.runner import Progress, annotate
from analysis.concepts.annotation.templates import Templates
from analysis.problems import Problem, ProblemError, problem
from analysis.servers.pace import Pace, TryAgainError
from tests.support.scripted_completer import (
    AnswersInMemory,
    ScriptedCompleter,
    by_step,
    subjects,
)

QUICK = Pace(concurrency=4, first_wait=0.01)
MONTHS = by_step("names of months", "none", "semantics")
CANNOT_TELL = by_step("cannot tell", "", "")
BUSY = Problem(kind="network", what="Busy.")


Ask = Callable[..., tuple[Annotation, ...]]


@pytest.fixture
def ask(templates: Templates) -> Ask:
    """Has so many subjects annotated, quickly and with answers of its own unless told."""

    def asked(
        count: int, completer: ScriptedCompleter, answers: Any = None, **options: Any
    ) -> tuple[Annotation, ...]:
        answers = AnswersInMemory() if answers is None else answers
        return annotate(
            subjects(count), completer, templates, answers, **{"pace": QUICK, **options}
        )

    return asked


def test_every_subject_is_described_in_every_repeat_and_no_question_asked_twice(ask: Ask) -> None:
    completer = ScriptedCompleter(MONTHS)
    found = ask(3, completer)
    assert [(each.subject.component, each.repeat) for each in found] == [
        (component, repeat) for component in range(3) for repeat in range(5)
    ]
    assert all(each.complete and each.level == "semantics" for each in found)
    assert completer.closed
    # Every subject in every repeat, then the one description's two follow-ups.
    assert len(completer.asked) == 3 * 5 + 2


def test_repeats_are_sampled_with_seeds_of_their_own(ask: Ask) -> None:
    completer = ScriptedCompleter(CANNOT_TELL)
    ask(1, completer)
    asked = sorted((seed, temperature) for _, temperature, seed in completer.asked)
    assert asked == [(0, 0.0), *((seed, 1.0) for seed in range(1, 5))]


def test_what_is_known_is_not_asked_again(ask: Ask) -> None:
    answers = AnswersInMemory()
    first = ask(3, ScriptedCompleter(MONTHS), answers, repeats=2)
    again = ScriptedCompleter(MONTHS)
    assert ask(3, again, answers, repeats=2) == first
    assert not again.asked


def test_no_more_than_allowed_are_under_way(ask: Ask) -> None:
    completer = ScriptedCompleter(MONTHS)
    ask(20, completer, repeats=1, pace=Pace(concurrency=3))
    assert completer.most_at_once == 3


def test_a_limit_per_minute_spaces_the_questions(ask: Ask) -> None:
    completer = ScriptedCompleter(CANNOT_TELL)
    ask(5, completer, repeats=1, pace=Pace(concurrency=4, per_minute=600))
    assert len(completer.times) == 5
    assert completer.times[-1] - completer.times[0] >= 0.3  # four gaps of a tenth of a second


def test_when_the_server_tells_one_to_wait_nobody_asks(ask: Ask) -> None:
    told: list[float] = []

    def answer(messages: object) -> str | Exception:
        if len(completer.asked) == 20 and not told:
            told.append(asyncio.get_running_loop().time())
            return TryAgainError(BUSY, after=0.5, busy=True)
        return "cannot tell"

    completer = ScriptedCompleter(answer)
    ask(60, completer, repeats=1)
    assert len(completer.times) == 61
    assert not [time for time in completer.times if told[0] + 0.01 < time < told[0] + 0.5]


def test_a_fault_that_passes_is_overcome(ask: Ask) -> None:
    completer = ScriptedCompleter(MONTHS, faults=[TryAgainError(BUSY) for _ in range(3)])
    assert ask(1, completer, repeats=1)[0].complete
    assert len(completer.asked) == 3 + 3


def test_a_fault_that_stays_ends_the_work_with_its_reason(ask: Ask) -> None:
    completer = ScriptedCompleter(lambda messages: TryAgainError(BUSY))
    with pytest.raises(ProblemError, match="Busy"):
        ask(9, completer, pace=Pace(concurrency=1, attempts=3, first_wait=0.01))
    assert len(completer.asked) == 3
    assert completer.closed


def test_a_server_that_is_only_busy_is_not_given_up_while_it_answers_others(ask: Ask) -> None:
    refusals = 0

    def answer(messages: tuple[object, ...]) -> str | Exception:
        nonlocal refusals
        if "word0" in str(messages) and refusals < 6:
            refusals += 1
            return TryAgainError(BUSY, busy=True, after=0.0)
        return "cannot tell"

    pace = Pace(concurrency=2, attempts=3)
    found = ask(60, ScriptedCompleter(answer), repeats=1, pace=pace)
    assert refusals == 6
    assert all(each.complete for each in found)


def test_a_server_that_wants_a_long_rest_ends_the_work(ask: Ask) -> None:
    completer = ScriptedCompleter(lambda messages: TryAgainError(BUSY, after=7200, busy=True))
    with pytest.raises(ProblemError, match="120 minutes"):
        ask(2, completer)


def test_a_final_error_stops_everything_and_what_was_answered_stays(ask: Ask) -> None:
    def answer(messages: tuple[object, ...]) -> str | Exception:
        return problem("input", "No.") if "word7" in str(messages) else "cannot tell"

    answers = AnswersInMemory()
    completer = ScriptedCompleter(answer)
    with pytest.raises(ProblemError, match="No"):
        ask(5000, completer, answers, repeats=1)
    assert len(answers.kept) >= 7
    assert len(completer.asked) < 100


def test_a_cancel_returns_what_is_known_and_going_on_asks_only_the_rest(ask: Ask) -> None:
    cancel = threading.Event()
    answers = AnswersInMemory()

    def answer(messages: tuple[Message, ...]) -> str:
        if len(answers.kept) >= 100:
            # Progress is looked at long before the last one then, however quick the machine.
            time.sleep(0.005)
        return "cannot tell"

    def watch(progress: Progress) -> None:
        if answers.kept:
            cancel.set()

    first, second = ScriptedCompleter(answer), ScriptedCompleter(CANNOT_TELL)
    found = ask(3000, first, answers, repeats=1, cancel=cancel, on_progress=watch)
    assert len(found) == 3000
    assert 0 < sum(each.complete for each in found) == len(answers.kept) < 3000
    ask(3000, second, answers, repeats=1)
    asked_first, asked_second = ({each[0] for each in one.asked} for one in (first, second))
    assert len(asked_first) + len(asked_second) == 3000
    assert not asked_first & asked_second


def test_a_cancel_does_not_wait_for_a_server_that_wants_a_rest(ask: Ask) -> None:
    cancel = threading.Event()
    waits: list[float] = []

    def watch(progress: Progress) -> None:
        waits.append(progress.waiting_s)
        if progress.waiting_s:
            cancel.set()

    completer = ScriptedCompleter(lambda messages: TryAgainError(BUSY, after=200, busy=True))
    ask(2, completer, cancel=cancel, on_progress=watch)
    assert max(waits) > 100
    assert len(completer.asked) <= QUICK.concurrency


def test_what_is_under_way_when_cancelled_may_still_arrive(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.concepts.annotation.runner.GRACE_S", 240.0)
    cancel = threading.Event()
    answers = AnswersInMemory()
    completer = ScriptedCompleter(CANNOT_TELL)
    completer.hold = True

    def watch(progress: Progress) -> None:
        if completer.most_at_once == QUICK.concurrency and not cancel.is_set():
            cancel.set()
            threading.Timer(0.1, lambda: setattr(completer, "hold", False)).start()

    ask(99, completer, answers, cancel=cancel, on_progress=watch)
    assert len(answers.kept) == len(completer.asked) == QUICK.concurrency


def test_tokens_are_counted(ask: Ask) -> None:
    seen: list[Progress] = []
    ask(2, ScriptedCompleter(MONTHS), repeats=1, on_progress=seen.append)
    last = seen[-1]
    assert (last.done, last.total, last.requests) == (2, 2, 4)
    assert (last.input_tokens, last.output_tokens, last.unmetered) == (400, 20, 0)


def test_an_answer_that_cannot_be_kept_ends_the_asking(
    ask: Ask,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    completer = ScriptedCompleter(MONTHS)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ProblemError, match="Nothing more is asked") as caught:
            ask(500, completer, AnswerFile(tmp_path / "answers"))
    assert caught.value.problem.kind == "storage"
    assert len(completer.asked) <= 2 * QUICK.concurrency
    del caught  # its traceback holds the tasks
    gc.collect()
    assert not caplog.records  # of tasks whose errors nobody looked at


def test_nothing_is_asked_where_answers_cannot_be_kept(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answers = AnswerFile(tmp_path / "answers")
    answers.path = tmp_path / "file" / "answers"
    completer = ScriptedCompleter(MONTHS)
    with pytest.raises(ProblemError):
        ask(5, completer, answers)
    assert not completer.asked
