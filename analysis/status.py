"""What the engine process is doing and what it has loaded. Imports no numpy."""

from __future__ import annotations

from typing import Literal

import msgspec


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
