"""What is asked for a view that was left goes on behind; what it took is learnt."""

from __future__ import annotations

import pytest

from analysis.events import WAITS, Event, Finished, Progress
from analysis.request import ModelChoice, Request
from analysis.saliency.request import AttributionRequest
from app.jobs import front
from app.jobs.front import ViewSession
from tests.support.scripted_session import OpenSession

REQUEST = AttributionRequest(ModelChoice("toy", "/toy"), "hello")


class Notes:
    """Stands in for prices, and keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[float] = []

    def learn(self, request: Request, seconds: float) -> None:
        self.told.append(seconds)


def test_requests_stand_where_their_view_stands() -> None:
    session = OpenSession()
    view = ViewSession(session, Notes(), in_front=False)
    first = view.submit(REQUEST, lambda event: None)
    assert session.jobs[0].behind
    view.stand(in_front=True)
    assert not session.jobs[0].behind
    second = view.submit(REQUEST, lambda event: None, background=True)
    assert [(job.behind, job.background) for job in session.jobs] == [(False, False), (False, True)]
    view.stand(in_front=False)
    assert all(job.behind for job in session.jobs)
    assert [first, second] == session.jobs


def test_the_time_from_the_first_step_to_the_result_is_learnt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(front.time, "monotonic", lambda: now[0])
    session, notes = OpenSession(), Notes()
    heard: list[Event] = []

    def run(*steps: tuple[float, Event]) -> None:
        kept = ViewSession(session, notes, in_front=True).submit(REQUEST, heard.append)
        for at, event in steps:
            now[0] = at
            session.jobs[-1].listener(event)
        assert kept is session.jobs[-1]

    # Neither starting nor loading belongs to it, nor what it gave way to.
    run(
        (0, Progress("start", 0, None)),
        (5, Progress("load", 0, 1)),
        (9, Progress("attribute", 0, 8)),
        (10, Progress(WAITS, 0, None)),
        (50, Progress("attribute", 0, 8)),
        (53, Finished(None)),
    )
    assert notes.told == [3.0]
    run((60, Finished(None, from_cache=True)))
    assert notes.told == [3.0]
    assert len(heard) == 7
