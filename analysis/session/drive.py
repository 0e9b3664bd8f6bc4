"""Waits for what a study asked a session, telling meanwhile how far it is."""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from analysis.events import Cancelled, Event, Failed, Finished, Notice, Progress
from analysis.problems import problem
from analysis.request import Request

if TYPE_CHECKING:
    from analysis.session.session import Session

_POLL_S = 0.2


def ending_of(
    session: Session,
    request: Request[Any],
    step: Progress,
    follow: Callable[[Progress], Progress],
    notices: dict[str, None],
) -> Generator[Progress, None, Finished | Failed]:
    """How a request ends. Closed, it gives the request up.

    Args:
        session: Who answers, from the cache where it can.
        request: What is asked.
        step: What the study says until there is news.
        follow: What it says then.
        notices: What was said on the way, such as that the disk is full; grows.

    Raises:
        ProblemError: ``internal``: somebody else gave it up.
    """
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    # In the background: what somebody looks at meanwhile goes first.
    job = session.submit(request, events.put, background=True)
    now = step
    try:
        while True:
            yield now
            try:
                event = events.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if isinstance(event, Finished | Failed):
                return event
            if isinstance(event, Cancelled):
                raise problem("internal", f"{step.detail} was given up.")
            if isinstance(event, Notice):
                notices[str(event.problem)] = None
            if isinstance(event, Progress):
                now = follow(event)
    except BaseException:
        job.cancel()
        raise
