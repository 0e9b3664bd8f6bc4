"""Finds out what comes next where a request depends on the answer to another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from analysis.events import Event, Failed, Finished
from analysis.problems import Problem
from analysis.request import Request
from analysis.session.drive import Answerer, JobLike
from analysis.session.kept_by import KeptBy

R = TypeVar("R")

_LATER = Problem(kind="input", what="It has not been computed yet.")


class Scout(KeptBy):
    """Answers from the cache alone, and notes what is not there.

    Attributes:
        missing: What could not be answered, each once, in order.
    """

    def __init__(self, session: Answerer) -> None:
        super().__init__(session)
        self.missing: dict[Request[Any], None] = {}

    def submit(
        self, request: Request[R], listener: Callable[[Event], None], *, background: bool = False
    ) -> JobLike:
        """The stored answer, or a failure."""
        stored = self.cached(request)
        if stored is None:
            self.missing[request] = None
        listener(Failed(_LATER) if stored is None else Finished(stored, from_cache=True))
        return Ended()


class Ended:
    """A job that is over."""

    def cancel(self) -> None:
        """There is nothing to end."""

    def put_behind(self, behind: bool) -> None:
        """There is nothing to delay."""
