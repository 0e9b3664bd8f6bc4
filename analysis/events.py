"""What a running request says: progress, partial results, and exactly one ending."""

from __future__ import annotations

from typing import Literal

import msgspec

from analysis.problems import Problem
from analysis.results import Result
from analysis.status import EngineStatus as EngineStatus

Stage = Literal[
    "start",
    "download",
    "load",
    "generate",
    "attribute",
    "words",
    "heads",
    "components",
    "tokens",
    "states",
    "clusters",
    "frequencies",
    "ablation",
]


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far the current stage is.

    Attributes:
        stage: What is being done.
        done: Steps finished.
        total: Steps in all; None where nobody knows.
        detail: What the steps are, for a reader: "response tokens", "columns", a model's name.
    """

    stage: Stage
    done: int
    total: int | None
    detail: str = ""


class Partial(msgspec.Struct, frozen=True, tag="partial"):
    """A result that is still growing; what is missing in its arrays is NaN."""

    result: Result


class Notice(msgspec.Struct, frozen=True, tag="notice"):
    """Something the user should know that does not stop the request."""

    problem: Problem


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The result. Last event of a request.

    Attributes:
        result: The answer.
        from_cache: It was read from disk; no engine took part.
    """

    result: Result
    from_cache: bool = False


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The request ended without a result. Last event of a request."""

    problem: Problem


class Cancelled(msgspec.Struct, frozen=True, tag="cancelled"):
    """The request was given up before its end. Last event of a request."""


Event = Progress | Partial | Notice | Finished | Failed | Cancelled
