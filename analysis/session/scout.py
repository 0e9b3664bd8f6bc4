"""Finds out what comes next where a request depends on the answer to another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from analysis.events import Event, Failed, Finished
from analysis.problems import Problem
from analysis.request import Request
from analysis.session.drive import Answerer, JobLike

R = TypeVar("R")

_LATER = Problem(kind="input", what="It has not been computed yet.")


class Scout:
    """Answers from the cache alone, and notes what is not there.

    Attributes:
        missing: What could not be answered, each once, in order.
    """

    def __init__(self, session: Answerer) -> None:
        self._session = session
        self.missing: dict[Request[Any], None] = {}

    def submit(
        self, request: Request[R], listener: Callable[[Event], None], *, background: bool = False
    ) -> JobLike:
        """The stored answer, or a failure."""
        stored = self._session.cached(request)
        if stored is None:
            self.missing[request] = None
        listener(Failed(_LATER) if stored is None else Finished(stored, from_cache=True))
        return Ended()

    def cached(self, request: Request[R]) -> R | None:
        """The stored answer."""
        return self._session.cached(request)

    def holds(self, request: Request[Any]) -> bool:
        """Whether an answer is stored."""
        return self._session.holds(request)

    def keep(self, request: Request[R], answer: R) -> None:
        """Store an answer that was made without an engine."""
        self._session.keep(request, answer)


class Ended:
    """A job that is over."""

    def cancel(self) -> None:
        """There is nothing to end."""

    def put_behind(self, behind: bool) -> None:
        """There is nothing to delay."""
