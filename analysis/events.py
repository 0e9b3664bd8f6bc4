"""What the engine says: what it has loaded, and of a request progress, parts and one ending.

Imports no numpy.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from analysis.problems import Problem


class ModelFacts(msgspec.Struct, frozen=True, tag="model"):
    """What a loaded model is.

    Attributes:
        name: The name it was asked for under.
        family: The configuration's ``model_type``.
        parameters: Number of parameters.
        layers: Number of transformer blocks.
        vocabulary: Size of the vocabulary.
        context_window: Longest sequence the model takes, in tokens; 0 where it has no limit.
        device: Where it is, as torch says it.
        dtype: Precision of its weights in memory.
        has_chat_template: Its tokenizer has a chat template.
        tokenizer_digest: Equal for two models that cut text into the same tokens.
        seconds: Time it took to load.
        notes: What a reader of its numbers has to know, in sentences.
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
        state: ``off`` when there is no process.
        detail: What it works on, in words; empty when idle.
        models: The models it holds in memory.
    """

    state: Literal["off", "starting", "idle", "busy"]
    detail: str = ""
    models: tuple[ModelFacts, ...] = ()


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far the current stage is.

    Attributes:
        stage: What is being done.
        done: Steps finished.
        total: Steps in all; None where nobody knows.
        detail: What the steps are, for a reader: "response tokens", "columns", a model's name.
    """

    stage: str
    done: int
    total: int | None
    detail: str = ""


class Partial(msgspec.Struct, frozen=True, tag="partial"):
    """A result that is still growing; what is missing in its arrays is NaN."""

    result: Any


class Notice(msgspec.Struct, frozen=True, tag="notice"):
    """Something the user should know that does not stop the request."""

    problem: Problem


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The result. Last event of a request.

    Attributes:
        result: The answer.
        from_cache: It was read from disk; no engine took part.
    """

    result: Any
    from_cache: bool = False


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The request ended without a result. Last event of a request."""

    problem: Problem


class Cancelled(msgspec.Struct, frozen=True, tag="cancelled"):
    """The request was given up before its end. Last event of a request."""


Event = Progress | Partial | Notice | Finished | Failed | Cancelled

R = TypeVar("R")
Steps: TypeAlias = Generator[Progress | Partial | Notice, None, R]
"""What an analysis says on the way to its `R`; closing it cancels."""
