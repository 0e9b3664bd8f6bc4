"""Errors that a user can act on: what happened, why, and what to do."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal[
    "input",  # what was typed or passed in cannot be used
    "model",  # the model folder or reference cannot be used
    "network",  # something would have to be downloaded and cannot be
    "memory",  # not enough memory on the device
    "engine",  # the engine process died or does not answer
    "storage",  # a file or the cache cannot be read or written
    "internal",  # a defect of insttui
]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One error in words.

    Attributes:
        kind: Coarse class, for tests and for the exit status of commands.
        what: What happened, one sentence.
        why: The reason, if known; may be empty.
        remedy: What the user can do; may be empty.
    """

    kind: Kind
    what: str
    why: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        """The three sentences as one line of text."""
        return " ".join(part for part in (self.what, self.why, self.remedy) if part)


class ProblemError(Exception):
    """Carries a `Problem` up to the code that shows it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class IncompleteError(ProblemError):
    """Files are missing from a folder that a download could provide."""


def problem(kind: Kind, what: str, why: str = "", remedy: str = "") -> ProblemError:
    """A `ProblemError` to raise: ``raise problem("input", "The prompt is empty.")``."""
    return ProblemError(Problem(kind=kind, what=what, why=why, remedy=remedy))
