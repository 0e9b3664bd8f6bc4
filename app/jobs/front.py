"""The session as one view uses it: what is asked for a view that was left goes on behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from analysis.events import WAITS, Event, Finished, Progress
from analysis.session.kept_by import KeptBy

if TYPE_CHECKING:
    from analysis.request import Request
    from analysis.session.drive import Answerer, JobLike
    from app.jobs.prices import Prices

R = TypeVar("R")


class ViewSession(KeptBy):
    """Submits a view's requests, and learns what they cost.

    Args:
        session: Answers them.
        prices: Learns from them.
        in_front: Whether the view is the one on the screen.
    """

    def __init__(self, session: Answerer, prices: Prices, *, in_front: bool) -> None:
        super().__init__(session)
        self._prices = prices
        self._in_front = in_front
        self._jobs: WeakSet[JobLike] = WeakSet()

    def submit(
        self, request: Request[R], listener: Callable[[Event], None], *, background: bool = False
    ) -> JobLike:
        """Queue a request; the listener is called on another thread."""
        timed = _Timed(request, listener, self._prices)
        job = self.keeper.submit(request, timed, background=background)
        job.put_behind(not self._in_front)
        self._jobs.add(job)
        return job

    def stand(self, *, in_front: bool) -> None:
        """Let the view's requests go before those of all others, or behind."""
        if in_front != self._in_front:
            self._in_front = in_front
            for job in list(self._jobs):
                job.put_behind(not in_front)


class _Timed:
    """A listener that measures the time from a request's first step to its result."""

    def __init__(
        self, request: Request[Any], listener: Callable[[Event], None], prices: Prices
    ) -> None:
        self._request, self._listener, self._prices = request, listener, prices
        self._began: float | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            if event.stage in (WAITS, "start", "download", "load"):
                self._began = None
            elif self._began is None:
                self._began = time.monotonic()
        elif isinstance(event, Finished) and self._began is not None and not event.from_cache:
            self._prices.learn(self._request, time.monotonic() - self._began)
        self._listener(event)
