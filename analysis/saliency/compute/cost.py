"""Which exact method is the cheapest, and in what portions it runs: a model of time and memory."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from analysis.engine.limits import number_of
from analysis.engine.memory import free_bytes

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Of the free memory, what the passes may take unless told: allocators waste some, and another
# model may be about to be loaded.
_SHARE_OF_FREE = 0.5
# Of the budget, what the head may take while the seeds are computed.
_SHARE_OF_HEAD = 0.25
# Bytes that a logit takes in all: as it is, its probability, its gradient and their copies.
_BYTES_A_LOGIT = 20
# Positions in a block of the prompt at least, since products of fewer are slow, and in any block
# at most: attention scores are kept for one block at a time.
_SHORTEST_BLOCK, _LONGEST_BLOCK = 32, 512


@dataclass(frozen=True)
class Device:
    """How fast a kind of device is, in seconds of the same unit for every method.

    Attributes:
        rate: Floating-point operations a second in matrix products.
        forward, backward: What a derivative along one direction costs, in forward passes of the
            body. The products are as many in either direction; what surrounds them is not.
        recording: Seconds to record the operations of one layer and block; Python decides.
        playing: Seconds by which playing a layer and block again exceeds its arithmetic.
        going_back: Seconds by which one backward pass through a layer exceeds its arithmetic.
        positions: Positions, all tangents of a batch together, beyond which larger matrix products
            are no faster, while what surrounds them leaves the processor's cache.
    """

    rate: float
    forward: float
    backward: float
    recording: float
    playing: float
    going_back: float
    positions: int


# Two cores of an EPYC with AVX2, and nothing measured but estimated for a data-centre GPU.
_CPU = Device(1.5e11, 0.85, 0.95, 1.2e-2, 2e-3, 1e-3, 2048)
_GPU = Device(3e13, 1.3, 1.3, 1.2e-2, 2e-3, 1e-3, 8192)


@dataclass(frozen=True)
class Shape:
    """What of a model decides cost and memory.

    Attributes:
        layers: Number of transformer blocks.
        width: D, the size of a hidden state.
        inner: The size of the feed-forward network.
        heads: Number of query heads.
        vocabulary: Number of logits.
        weights: Parameters of all layers that a position meets.
        itemsize: Bytes of a number in the passes.
        scores: The attention kernel writes its scores down, T² a head.
        device: Where it is.
    """

    layers: int
    width: int
    inner: int
    heads: int
    vocabulary: int
    weights: int
    itemsize: int
    scores: bool
    device: torch.device


def shape_of(model: PreTrainedModel) -> Shape:
    """The shape of a model, as far as its configuration tells.

    Where layers differ, the largest counts: too much memory costs time, too little the result.
    """
    config: Any = model.config.get_text_config()
    table = next(model.get_input_embeddings().parameters())
    width = table.shape[-1]
    layers = number_of(config, "num_hidden_layers") or _longest_list(model)
    inner = number_of(config, "intermediate_size") or 4 * width
    # A mixture of experts sends a position through some of them only.
    experts = number_of(config, "num_experts_per_tok") or 1
    return Shape(
        layers=layers,
        width=width,
        inner=experts * inner,
        heads=number_of(config, "num_attention_heads") or 1,
        vocabulary=table.shape[0],
        weights=layers * (4 * width**2 + 3 * width * inner * experts),
        itemsize=table.element_size(),
        scores=getattr(config, "_attn_implementation", "eager") == "eager",
        device=table.device,
    )


def _longest_list(model: PreTrainedModel) -> int:
    return max(
        (len(each) for each in model.modules() if isinstance(each, nn.ModuleList)), default=1
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

    @property
    def length(self) -> int:
        """T = N + M - 1, the positions that are read."""
        return self.prompt + self.response - 1

    def cheapest(self) -> Literal["forward", "reverse"]:
        """The cheaper of the two exact methods."""
        return "forward" if self._forward_seconds() < self._reverse_seconds() else "reverse"

    def blocks(self) -> tuple[int, ...]:
        """Where the blocks of positions end that forward mode reads.

        The prompt in as many as save more of its tokens' way than they cost to record, then the
        response, from the last prompt token on, the first whose state is asked for.
        """
        step = ceil(self.prompt / self._prompt_blocks())
        inside = range(step, self.prompt - 1, step)
        after = range(self.prompt - 1, self.length, _LONGEST_BLOCK)
        long = [each for each in range(0, self.prompt - 1, _LONGEST_BLOCK) if step > _LONGEST_BLOCK]
        return tuple(sorted({*inside, *after, *long, self.length} - {0}))

    def taped(self) -> bool:
        """Whether a tape of all blocks fits into the budget beside one tangent."""
        return self._tape_bytes() + self._tangent_bytes() <= self.budget

    def tangents(self) -> int:
        """Prompt tokens in a batch of forward mode."""
        left = self.budget - (self._tape_bytes() if self.taped() else 0)
        longest = max(b - a for a, b in zip((0, *self.blocks()), self.blocks(), strict=False))
        most = min(ceil(_of(self).positions / longest), self.prompt)
        return _within(left // self._tangent_bytes(), 1, most)

    def segment(self) -> int:
        """Response tokens that share a graph in reverse mode, and a pass through the head."""
        return min(max(16, ceil(self.response / 8)), self.head())

    def head(self) -> int:
        """Response tokens whose logits fit into the head's share of the budget."""
        share = _SHARE_OF_HEAD * self.budget
        return max(1, int(share // (_BYTES_A_LOGIT * self.shape.vocabulary)))

    def checkpointed(self) -> bool:
        """Whether the graph of reverse mode is too large to be kept whole."""
        return self._graph_bytes() > self.budget * (1 - _SHARE_OF_HEAD)

    def sequences(self) -> int:
        """Prompt tokens in a batch of occlusion."""
        logits = _BYTES_A_LOGIT * self.shape.vocabulary * self.response
        states = self._layer_bytes() + logits
        most = min(ceil(_of(self).positions / self.length), self.prompt)
        return _within(self.budget // states, 1, most)

    def _body_seconds(self) -> float:
        shape = self.shape
        attention = 4 * shape.layers * shape.width * self.length**2
        return (2 * shape.weights * self.length + attention) / _of(self).rate

    def _prompt_blocks(self) -> int:
        """k that minimises what the blocks cost and what the prompt's tokens pass through.

        Of the T positions a token in the j-th of k blocks passes through T - j N / k.
        """
        saved = self.prompt**2 / (2 * self.length) * _of(self).forward * self._body_seconds()
        worth = sqrt(saved / (self.shape.layers * _of(self).recording))
        return _within(worth, 1, ceil(self.prompt / _SHORTEST_BLOCK))

    def _forward_seconds(self) -> float:
        device, body, blocks = _of(self), self._body_seconds(), len(self.blocks())
        skipped = self.prompt / (2 * self.length) * (1 - 1 / self._prompt_blocks())
        passes = self.prompt * device.forward * (1 - skipped)
        if not self.taped():
            passes += self.prompt / self.tangents()
        batches = ceil(self.prompt / self.tangents()) * blocks / 2
        layers = self.shape.layers * (blocks * device.recording + batches * device.playing)
        return (passes + 3) * body + layers

    def _reverse_seconds(self) -> float:
        device, body = _of(self), self._body_seconds()
        half = self.response / (2 * self.length)
        passes = device.backward + (1 if self.checkpointed() else 0)
        once = ceil(self.response / self.segment())
        return (self.response * passes + once) * (1 - half) * body + (
            self.response * self.shape.layers * device.going_back
        )

    def _tape_bytes(self) -> int:
        shape, length = self.shape, self.length
        position = 14 * shape.width + 8 * shape.inner + 2 * shape.heads * length
        return shape.itemsize * shape.layers * length * position

    def _tangent_bytes(self) -> int:
        return 2 * self._layer_bytes() + self._kept_bytes()

    def _layer_bytes(self) -> int:
        """What one layer holds at a time of one sequence."""
        shape, length = self.shape, self.length
        scores = 6 * shape.heads * min(length, _LONGEST_BLOCK) * length
        return shape.itemsize * (length * (6 * shape.width + 3 * shape.inner) + scores)

    def _kept_bytes(self) -> int:
        """Keys and values of all layers."""
        shape = self.shape
        return 2 * shape.itemsize * shape.layers * self.length * shape.width

    def _graph_bytes(self) -> int:
        shape, length = self.shape, self.length
        position = 16 * shape.width + 9 * shape.inner
        if shape.scores:
            position += 3 * shape.heads * length
        return shape.itemsize * shape.layers * length * position


def _of(plan: Plan) -> Device:
    return _CPU if plan.shape.device.type == "cpu" else _GPU


def _within(value: float, least: int, most: int) -> int:
    return int(max(least, min(value, most)))
