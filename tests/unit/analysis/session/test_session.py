"""The session over real processes: answers, the cache, cancelling, and engines that fail."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analysis.events import (
    WAITS,
    Cancelled,
    EngineStatus,
    Event,
    Failed,
    Finished,
    Notice,
    Partial,
    Progress,
)
from analysis.problems import Problem, ProblemError
from analysis.request import ModelChoice
from analysis.saliency.request import AttributionRequest
from analysis.saliency.result import Attribution
from analysis.session.jobs import JobCancelledError
from analysis.session.process import EngineProcess
from analysis.session.session import Session
from cache.store import Store

SCRIPT = Path(__file__).parents[3] / "support" / "scripted_engine.py"
# Generous: a slow machine may have other work.
PATIENCE_S = 240.0


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    # However slow the machine is, an engine that listens is not taken for a deaf one.
    monkeypatch.setattr("analysis.session.session.CANCEL_PATIENCE_S", PATIENCE_S)


@pytest.fixture
def model(tmp_path: Path) -> ModelChoice:
    """A folder with just enough in it to have a fingerprint."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    return ModelChoice(name="toy", location=str(folder))


@pytest.fixture
def engines() -> list[EngineProcess]:
    """The engine processes started so far."""
    return []


@pytest.fixture
def start_engine(engines: list[EngineProcess]) -> Callable[[], EngineProcess]:
    """Starts scripted engines."""

    def start() -> EngineProcess:
        engines.append(EngineProcess((sys.executable, str(SCRIPT))))
        return engines[-1]

    return start


@pytest.fixture
def session(tmp_path: Path, start_engine: Callable[[], EngineProcess]) -> Iterator[Session]:
    """A session on a cache of its own."""
    opened = Session(Store(tmp_path / "cache"), start_engine=start_engine)
    yield opened
    opened.close()


def ask(session: Session, model: ModelChoice, prompt: str) -> list[Event]:
    """Run a prompt to its end; the events it sent."""
    events: list[Event] = []
    job = session.submit(AttributionRequest(model, prompt), events.append)
    with contextlib.suppress(ProblemError, JobCancelledError):
        job.wait(PATIENCE_S)
    return events


def answer(session: Session, model: ModelChoice, prompt: str) -> Finished:
    """How a prompt ends that is answered."""
    ending = ask(session, model, prompt)[-1]
    assert isinstance(ending, Finished)
    return ending


def test_an_answer_of_another_kind_is_said_and_the_next_request_is_answered(
    session: Session, model: ModelChoice
) -> None:
    ending = ask(session, model, "wrong kind")[-1]
    assert isinstance(ending, Failed)
    assert ending.problem.kind == "internal"
    assert "not of the kind" in ending.problem.what
    assert not answer(session, model, "hello").from_cache


def refusal(session: Session, model: ModelChoice, prompt: str) -> Problem:
    """Why a prompt is not answered."""
    ending = ask(session, model, prompt)[-1]
    assert isinstance(ending, Failed)
    return ending.problem


class Begun:
    """A request that the engine has begun to compute, with the events that it sent."""

    def __init__(self, session: Session, model: ModelChoice, prompt: str, **options: bool) -> None:
        self.events: list[Event] = []
        self._times = threading.Semaphore(0)
        self.job = session.submit(AttributionRequest(model, prompt), self._hear, **options)
        self.wait()

    def wait(self) -> None:
        """Until it is begun once more."""
        assert self._times.acquire(timeout=PATIENCE_S)

    def cancel(self) -> None:
        """And wait for its end."""
        self.job.cancel()
        with pytest.raises(JobCancelledError):
            self.job.wait(PATIENCE_S)

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Progress) and event.stage == "attribute":
            self._times.release()


def test_a_request_is_answered_once_by_the_engine_and_then_from_disk(
    session: Session, model: ModelChoice, engines: list[EngineProcess], tmp_path: Path
) -> None:
    first = ask(session, model, "partial")
    assert [type(event) for event in first] == [Progress, Progress, Partial, Finished]
    (second,) = ask(session, model, "partial")
    assert isinstance(second, Finished)
    assert second.from_cache
    assert len(engines) == 1

    never = Session(Store(tmp_path / "cache"), start_engine=lambda: pytest.fail("engine started"))
    stored = never.cached(AttributionRequest(model, "partial"))
    never.close()
    assert isinstance(stored, Attribution)
    assert stored.importance[0, 0] == len("partial")


def test_a_stored_result_carries_the_name_it_is_asked_under_and_no_other_weights(
    session: Session, model: ModelChoice
) -> None:
    ask(session, model, "hello")
    again = answer(session, ModelChoice(name="another alias", location=model.location), "hello")
    assert again.from_cache
    assert isinstance(again.result, Attribution)
    assert again.result.model == "another alias"
    (Path(model.location) / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}retrained")
    assert not answer(session, model, "hello").from_cache


@pytest.mark.parametrize(
    ("prompt", "reason"), [("killed", "SIGKILL"), ("exit", "status 3. the last words")]
)
def test_an_engine_that_dies_is_reported_and_replaced(
    session: Session, model: ModelChoice, prompt: str, reason: str, engines: list[EngineProcess]
) -> None:
    problem = refusal(session, model, prompt)
    assert problem.kind == "engine"
    assert reason in problem.why
    answer(session, model, "hello")
    assert len(engines) == 2


def test_a_refused_request_keeps_the_engine(
    session: Session, model: ModelChoice, engines: list[EngineProcess]
) -> None:
    assert refusal(session, model, "refuse").what == "Refused."
    ask(session, model, "hello")
    assert len(engines) == 1


@pytest.mark.parametrize(("prompt", "engines_after"), [("polite", 1), ("deaf", 2)])
def test_cancel_is_cooperative_and_a_deaf_engine_is_replaced(
    session: Session,
    model: ModelChoice,
    engines: list[EngineProcess],
    prompt: str,
    engines_after: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if prompt == "deaf":
        monkeypatch.setattr("analysis.session.session.CANCEL_PATIENCE_S", 0.5)
    begun = Begun(session, model, prompt)
    begun.cancel()
    assert isinstance(begun.events[-1], Cancelled)
    ask(session, model, "hello")
    assert len(engines) == engines_after


def test_a_job_cancelled_while_it_waits_never_reaches_the_engine(
    session: Session, model: ModelChoice
) -> None:
    running = session.submit(AttributionRequest(model, "polite"))
    events: list[Event] = []
    waiting = session.submit(AttributionRequest(model, "hello"), events.append)
    waiting.cancel()
    running.cancel()
    with pytest.raises(JobCancelledError):
        waiting.wait(PATIENCE_S)
    assert [type(event) for event in events] == [Cancelled]


def test_closing_ends_the_engine_at_once(
    session: Session, model: ModelChoice, engines: list[EngineProcess]
) -> None:
    Begun(session, model, "deaf")
    pid = engines[0].pid
    session.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_engine_ends_when_the_session_is_gone(
    start_engine: Callable[[], EngineProcess],
) -> None:
    engine = start_engine()
    assert engine.receive(PATIENCE_S) is not None
    engine._requests.close()  # what the kernel does when the session's process is killed
    deadline = time.monotonic() + PATIENCE_S
    while engine._process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert engine._process.poll() == 0


def test_a_damaged_entry_is_computed_anew_and_said(
    session: Session, model: ModelChoice, tmp_path: Path
) -> None:
    ask(session, model, "hello")
    for file in (tmp_path / "cache").rglob("*.val"):
        file.write_bytes(b"\0" * file.stat().st_size)
    damage_rows(tmp_path / "cache")
    events = ask(session, model, "hello")
    assert any(isinstance(event, Notice) and "damaged" in event.problem.what for event in events)
    assert isinstance(events[-1], Finished)
    assert not events[-1].from_cache
    assert answer(session, model, "hello").from_cache


def damage_rows(folder: Path) -> None:
    """Overwrite the middle of every value that the cache keeps inside its database."""
    import sqlite3

    with sqlite3.connect(folder / "cache.db") as connection:
        for rowid, value in connection.execute("SELECT rowid, value FROM Cache").fetchall():
            if isinstance(value, bytes):
                middle = len(value) // 2
                damaged = value[:middle] + b"\xff\x00\xff" + value[middle + 3 :]
                connection.execute("UPDATE Cache SET value = ? WHERE rowid = ?", (damaged, rowid))
    connection.close()


def test_the_engines_state_is_reported(
    model: ModelChoice, start_engine: Callable[[], EngineProcess]
) -> None:
    states: list[EngineStatus] = []
    session = Session(on_status=states.append, start_engine=start_engine)
    ask(session, model, "hello")
    session.close()
    assert [status.state for status in states][:1] == ["starting"]
    assert states[-1].state == "idle"


def test_background_work_gives_way_and_goes_on_afterwards(
    session: Session, model: ModelChoice, engines: list[EngineProcess]
) -> None:
    patient = Begun(session, model, "polite", background=True)
    answer(session, model, "hello")
    patient.wait()  # It is being computed again.
    patient.cancel()
    assert [event for event in patient.events if isinstance(event, Cancelled)] == [Cancelled()]
    assert len(engines) == 1


def test_background_work_waits_for_everything_that_is_asked_for(
    session: Session, model: ModelChoice
) -> None:
    order: list[str] = []

    def ends(name: str) -> Callable[[Event], None]:
        return lambda event: order.append(name) if isinstance(event, Finished) else None

    ask(session, model, "stored")
    first = session.submit(AttributionRequest(model, "polite"))
    jobs = [
        session.submit(AttributionRequest(model, "late"), ends("late"), background=True),
        session.submit(AttributionRequest(model, "one"), ends("one")),
        session.submit(AttributionRequest(model, "two"), ends("two")),
    ]
    # It is looked up after the others: once it is there, they are all in the queue.
    ask(session, model, "stored")
    first.cancel()
    for job in jobs:
        job.wait(PATIENCE_S)
    assert order == ["one", "two", "late"]


def test_requests_that_pause_take_turns_and_say_that_they_wait(
    session: Session, model: ModelChoice
) -> None:
    steps: list[tuple[str, str, int]] = []

    def hear(name: str) -> Callable[[Event], None]:
        def add(event: Event) -> None:
            if isinstance(event, Progress):
                steps.append((name, event.stage, event.done))

        return add

    held = Begun(session, model, "polite")
    jobs = [
        session.submit(AttributionRequest(model, f"pauses {name}"), hear(name)) for name in "ab"
    ]
    wait_for_queue(session, 2)
    held.cancel()
    for job in jobs:
        job.wait(PATIENCE_S)
    computed = [(name, done) for name, stage, done in steps if stage == "attribute"]
    assert computed == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    assert ("a", WAITS, 0) in steps


def test_a_request_that_pauses_alone_goes_on_at_once(session: Session, model: ModelChoice) -> None:
    events = ask(session, model, "pauses")
    stages = [event.stage for event in events if isinstance(event, Progress)]
    assert stages == ["start", "attribute", "attribute"]


def test_what_is_put_behind_gives_way_to_what_is_not(session: Session, model: ModelChoice) -> None:
    left = Begun(session, model, "polite")
    waits = session.submit(AttributionRequest(model, "hello"))
    wait_for_queue(session, 1)
    assert not waits._ended.is_set()
    left.job.put_behind(True)
    waits.wait(PATIENCE_S)
    left.wait()  # It is being computed again.
    left.job.put_behind(False)
    left.cancel()


def wait_for_queue(session: Session, jobs: int) -> None:
    """Until so many jobs wait for the engine."""
    end = time.monotonic() + PATIENCE_S
    while len(session._jobs._waiting) < jobs:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_what_is_stored_does_not_wait_for_what_is_computed(
    session: Session, model: ModelChoice
) -> None:
    ask(session, model, "hello")
    busy = session.submit(AttributionRequest(model, "polite"))
    assert answer(session, model, "hello").from_cache
    busy.cancel()
    with pytest.raises(JobCancelledError):
        busy.wait(PATIENCE_S)


def test_the_same_question_twice_is_computed_once(session: Session, model: ModelChoice) -> None:
    endings: list[Event] = []
    first = session.submit(AttributionRequest(model, "polite"))
    jobs = [session.submit(AttributionRequest(model, "hello"), endings.append) for _ in range(2)]
    first.cancel()
    for job in jobs:
        job.wait(PATIENCE_S)
    finished = [event for event in endings if isinstance(event, Finished)]
    assert [event.from_cache for event in finished] == [False, True]
