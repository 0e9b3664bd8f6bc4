"""What every session has that keeps its answers where another one does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from analysis.request import Request
    from analysis.session.drive import Answerer

R = TypeVar("R")


class KeptBy:
    """The half of an `Answerer` that asks no engine, passed on to `keeper`."""

    def __init__(self, keeper: Answerer) -> None:
        self.keeper = keeper

    def cached(self, request: Request[R]) -> R | None:
        """The stored answer; reads the disk, never starts the engine."""
        return self.keeper.cached(request)

    def holds(self, request: Request[Any]) -> bool:
        """Whether an answer is stored; does not read it."""
        return self.keeper.holds(request)

    def keep(self, request: Request[R], answer: R) -> None:
        """Store an answer that was made without the engine; ProblemError if that fails."""
        self.keeper.keep(request, answer)
