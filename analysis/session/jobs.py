"""Submitted requests, and the queue in which they wait for the engine."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from analysis.events import Cancelled, Event, Failed, Finished
from analysis.problems import ProblemError
from analysis.request import Request

R = TypeVar("R")
Listener = Callable[[Event], None]
Rank = tuple[bool, bool]
"""Whether a job is behind what is on the screen, and whether it gives way to all others there."""


class JobCancelledError(Exception):
    """The job was cancelled, or the session closed, before it had a result."""


class Office(Protocol):
    """What a job needs of its session."""

    def pass_on_cancel(self, job: Job[Any]) -> None:
        """Tell the engine, if that works on the job."""

    def reorder(self) -> None:
        """Take into account that a job's rank changed."""


class Job(Generic[R]):
    """A submitted request.

    Attributes:
        number: Its name in messages, different for every job.
        background: Whether it lets every other request of its standing go first.
        turn: Those of one rank are answered in this order.
    """

    def __init__(
        self,
        number: int,
        request: Request[R],
        listener: Listener,
        office: Office,
        *,
        background: bool,
    ) -> None:
        self.number = self.turn = number
        self.request = request
        self.background = background
        self._behind = False
        self._listener = listener
        self._office = office
        self._cancelled_at: float | None = None
        self._ending: Finished | Failed | Cancelled | None = None
        self._ended = threading.Event()

    @property
    def rank(self) -> Rank:
        """What decides before the turn: the smaller goes first."""
        return self._behind, self.background

    def put_behind(self, behind: bool) -> None:
        """Let everything that is not behind go first, or no longer; a running job gives way."""
        if behind != self._behind:
            self._behind = behind
            self._office.reorder()

    @property
    def cancelled_at(self) -> float | None:
        """When it was cancelled, on the monotonic clock; None if it was not."""
        return self._cancelled_at

    def cancel(self) -> None:
        """Ask for an early end; the listener gets `Cancelled` once the job has ended."""
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic()
            self._office.pass_on_cancel(self)

    def wait(self, timeout: float | None = None) -> R:
        """Wait for the result.

        Raises:
            ProblemError: The request failed.
            JobCancelledError: It was cancelled.
            TimeoutError: It did not end within `timeout` seconds.
        """
        if not self._ended.wait(timeout):
            raise TimeoutError
        if isinstance(self._ending, Finished):
            result: R = self._ending.result
            return result
        if isinstance(self._ending, Failed):
            raise ProblemError(self._ending.problem)
        raise JobCancelledError

    def tell(self, event: Event) -> None:
        """Pass an event to the listener; called by the session."""
        if isinstance(event, Finished | Failed | Cancelled):
            self._ending = event
            self._listener(event)
            self._ended.set()
        else:
            self._listener(event)


class JobQueue:
    """Jobs that wait for the engine: by rank, which may change while they wait, then by turn."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self._waiting: list[Job[Any]] = []
        self._changed = threading.Condition()

    def put(self, job: Job[Any], *, last: bool = False) -> None:
        """Add a job, in its old place or behind all that wait with its rank."""
        with self._changed:
            if last:
                job.turn = next(self.numbers)
            self._waiting.append(job)
            self._changed.notify()

    def get(self) -> Job[Any]:
        """Take the next job, as soon as there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            job = min(self._waiting, key=_place)
            self._waiting.remove(job)
            return job

    def first(self) -> Job[Any] | None:
        """The next job that is not cancelled, which stays; None if none waits."""
        with self._changed:
            waiting = (job for job in self._waiting if job.cancelled_at is None)
            return min(waiting, key=_place, default=None)

    def precedes(self, job: Job[Any]) -> bool:
        """Whether one that waits has a better rank than this job."""
        first = self.first()
        return first is not None and first.rank < job.rank


def _place(job: Job[Any]) -> tuple[Rank, int]:
    return job.rank, job.turn
