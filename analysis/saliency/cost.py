"""Which exact method is the cheapest, and in which portions it runs: a model of its cost."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Literal

import torch

from analysis.models.memory import free_bytes

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Of the free memory, what the passes may take unless told: allocators waste some, and another
# model may be about to be loaded.
_SHARE_OF_FREE = 0.5


@dataclass(frozen=True)
class Shape:
    """What of a model's shape decides cost and memory.

    Attributes:
        layers: Number of transformer blocks.
        width: D, the size of a hidden state.
        inner: The size of the feed-forward network.
        heads: Number of query heads.
        vocabulary: Number of logits.
        itemsize: Bytes of a number in the passes.
    """

    layers: int
    width: int
    inner: int
    heads: int
    vocabulary: int
    itemsize: int


def shape_of(model: PreTrainedModel) -> Shape:
    """The shape of a model, as far as its configuration tells."""
    config: Any = model.config.get_text_config()
    table = next(model.get_input_embeddings().parameters())
    width = table.shape[-1]
    return Shape(
        layers=int(config.num_hidden_layers),
        width=width,
        inner=int(getattr(config, "intermediate_size", None) or 4 * width),
        heads=int(getattr(config, "num_attention_heads", None) or 1),
        vocabulary=table.shape[0],
        itemsize=table.element_size(),
    )


def budget_of(asked: int | None, device: torch.device) -> int:
    """Bytes that the passes may take beside the weights."""
    return int(_SHARE_OF_FREE * free_bytes(device)) if asked is None else asked


@dataclass(frozen=True)
class Plan:
    """What to run and in which portions, for N prompt and M response tokens.

    Attributes:
        shape: The model's shape.
        prompt: N.
        response: M.
        budget: Bytes that the passes may take beside the weights.
    """

    shape: Shape
    prompt: int
    response: int
    budget: int

    def cheapest(self) -> Literal["forward", "reverse"]:
        """The cheaper of the two exact methods."""
        return "forward" if self.prompt < self.response else "reverse"

    def tangents(self) -> int:
        """Prompt tokens in a batch of forward mode."""
        return 8

    def segment(self) -> int:
        """Response tokens that share a graph in reverse mode."""
        return max(16, ceil(self.response / 8))

    def sequences(self) -> int:
        """Prompt tokens in a batch of occlusion."""
        return 8
