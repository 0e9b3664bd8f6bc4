"""What the list of jobs shows: every analysis that a view began, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

TaskState = Literal["running", "waiting", "stopped", "failed", "done"]


@dataclass(frozen=True)
class Task:
    """An analysis of a view; all words are harmless.

    Attributes:
        name: What it is.
        state: Where it stands; one that waits has begun before, or not yet.
        progress: How far it is, in a line; empty for nothing to say.
        stop: Stops it; None if there is nothing to stop.
        again: Goes on with it, or runs it again; None if it cannot.
    """

    name: str
    state: TaskState
    progress: str = ""
    stop: Callable[[], object] | None = None
    again: Callable[[], object] | None = None

    @property
    def active(self) -> bool:
        return self.state in ("running", "waiting")
