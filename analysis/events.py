"""Events from the engine: loaded models, and a request's progress, partial results and ending.

Does not import numpy.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from analysis.problems import Problem


class ModelFacts(msgspec.Struct, frozen=True, tag="model"):
    """Facts about a loaded model.

    Attributes:
        name: The name it was requested under.
        family: The configuration's ``model_type``.
        parameters: Number of parameters.
        layers: Number of transformer blocks.
        vocabulary: Size of the vocabulary.
        context_window: Longest sequence the model takes, in tokens; 0 if unlimited.
        device: The device in torch's notation.
        dtype: Precision of its weights in memory.
        has_chat_template: Whether its tokenizer has a chat template.
        tokenizer_digest: Equal for two models that tokenize text identically.
        seconds: Loading time.
        notes: Caveats for a reader of its numbers, in sentences.
    """

    name: str
    family: str
    parameters: int
    layers: int
    vocabulary: int
    context_window: int
    device: str
    dtype: str
    has_chat_template: bool
    tokenizer_digest: str
    seconds: float
    notes: tuple[str, ...] = ()


class EngineStatus(msgspec.Struct, frozen=True):
    """What the engine process is doing, for a header line.

    Attributes:
        state: ``off`` if there is no process.
        detail: Its current work, in words; empty when idle.
        models: The models it holds in memory.
    """

    state: Literal["off", "starting", "idle", "busy"]
    detail: str = ""
    models: tuple[ModelFacts, ...] = ()


WAITS = "wait"
"""The stage of a request that gave way to others, until it is its turn again."""


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far the current stage has got.

    Attributes:
        stage: The current activity.
        done: Steps finished.
        total: Total number of steps; None if unknown.
        detail: What is counted, for a reader: "response tokens", "columns", a model's name.
    """

    stage: str
    done: int
    total: int | None
    detail: str = ""


class Partial(msgspec.Struct, frozen=True, tag="partial"):
    """An incomplete result; missing array entries are NaN."""

    result: Any


class Notice(msgspec.Struct, frozen=True, tag="notice"):
    """Something the user should know that does not stop the request."""

    problem: Problem


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """A good moment for the requests that wait: what is computed so far is kept."""


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The request's result. Last event of a request.

    Attributes:
        result: The answer.
        from_cache: Whether it was read from disk, without the engine.
    """

    result: Any
    from_cache: bool = False


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The request ended without a result. Last event of a request."""

    problem: Problem


class Cancelled(msgspec.Struct, frozen=True, tag="cancelled"):
    """The request was cancelled. Last event of a request."""


Event = Progress | Partial | Notice | Pause | Finished | Failed | Cancelled

R = TypeVar("R")
Steps: TypeAlias = Generator[Progress | Partial | Notice | Pause, None, R]
"""What an analysis yields before it returns its `R`; closing it cancels."""
