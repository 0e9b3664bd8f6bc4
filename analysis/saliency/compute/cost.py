"""A model of time and memory: which exact method is cheaper, and in what portions it runs."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from analysis.engine.limits import number_of
from analysis.engine.whereabouts import away_bytes, device_of, free_bytes_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Share of the free memory that the passes may take by default: allocators waste some, and another
# model may be loaded soon.
_SHARE_OF_FREE = 0.5
# Share of the budget that the head may take while the seeds are computed.
_SHARE_OF_HEAD = 0.25
# Bytes per logit in total: the logit, its probability, its gradient and their copies.
_BYTES_A_LOGIT = 20
# Bytes a second at which weights that are elsewhere come to run: a disk's, or memory to a GPU.
_COMING = 1.5e9
# Fewest positions in a block of the prompt, since products of fewer are slow, and most in any
# block: attention scores are kept for one block at a time.
_SHORTEST_BLOCK, _LONGEST_BLOCK = 32, 512


@dataclass(frozen=True)
class Device:
    """How fast a kind of device is, in seconds of the same unit for every method.

    Attributes:
        rate: Floating-point operations per second in matrix products.
        forward, backward: Cost of a derivative along one direction, in forward passes of the body.
            Both have the same matrix products, but not the operations around them.
        recording: Seconds to record the operations of one layer and block, limited by Python.
        playing: Seconds by which replaying a layer and block exceeds its arithmetic.
        going_back: Seconds by which one backward pass through a layer exceeds its arithmetic.
        positions: Positions, over all tangents of a batch, beyond which larger matrix products are
            no faster, while the operations around them leave the processor's cache.
    """

    rate: float
    forward: float
    backward: float
    recording: float
    playing: float
    going_back: float
    positions: int


# Two cores of an EPYC with AVX2; a data-centre GPU, estimated rather than measured.
_CPU = Device(1.5e11, 0.85, 0.95, 1.2e-2, 2e-3, 1e-3, 2048)
_GPU = Device(3e13, 1.3, 1.3, 1.2e-2, 2e-3, 1e-3, 8192)


@dataclass(frozen=True)
class Shape:
    """The properties of a model that decide cost and memory.

    Attributes:
        layers: Number of transformer blocks.
        width: D, the size of a hidden state.
        inner: The size of the feed-forward network.
        heads: Number of query heads.
        vocabulary: Number of logits.
        weights: Parameters of all layers that one position uses.
        itemsize: Bytes per number in the passes.
        scores: Whether the attention kernel stores its scores, T² per head.
        device: Where its input goes.
        away: Bytes of weights that come only to run, at every pass. A tape or a graph of layers
            that are not recomputed keeps them all.
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
    away: int = 0


def shape_of(model: PreTrainedModel) -> Shape:
    """The shape of a model, as far as its configuration tells.

    Where layers differ, the largest counts: overestimating memory costs time, underestimating
    it costs the result.
    """
    config: Any = model.config.get_text_config()
    table = next(model.get_input_embeddings().parameters())
    width = table.shape[-1]
    layers = number_of(config, "num_hidden_layers") or _longest_list(model)
    inner = number_of(config, "intermediate_size") or 4 * width
    # A mixture sends a position through only some of its experts.
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
        device=device_of(model),
        away=away_bytes(model),
    )


def _longest_list(model: PreTrainedModel) -> int:
    return max(
        (len(each) for each in model.modules() if isinstance(each, nn.ModuleList)), default=1
    )


def budget_of(asked: int | None, model: PreTrainedModel) -> int:
    return int(_SHARE_OF_FREE * free_bytes_of(model)) if asked is None else asked


@dataclass(frozen=True)
class Plan:
    """What to run and in which portions, for N prompt and M response tokens.

    `budget` is in bytes besides the weights.
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
        return "forward" if self._forward_seconds() < self._reverse_seconds() else "reverse"

    def passes(self) -> float:
        """What a map costs by the cheaper method, in forward passes through the body."""
        return min(self._forward_seconds(), self._reverse_seconds()) / self._body_seconds()

    def blocks(self) -> tuple[int, ...]:
        """Ends of the blocks of positions that forward mode reads.

        The prompt has as many blocks as save more computation than they cost to record. The
        response's begin at the last prompt token, the first position whose state is needed.
        """
        step = ceil(self.prompt / self._prompt_blocks())
        inside = range(step, self.prompt - 1, step)
        after = range(self.prompt - 1, self.length, _LONGEST_BLOCK)
        long = [each for each in range(0, self.prompt - 1, _LONGEST_BLOCK) if step > _LONGEST_BLOCK]
        return tuple(sorted({*inside, *after, *long, self.length} - {0}))

    def taped(self) -> bool:
        """Whether a tape of all blocks fits into the budget together with one tangent."""
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
        """Whether the graph of reverse mode is too large to keep."""
        return self._graph_bytes() > self.budget * (1 - _SHARE_OF_HEAD)

    def sequences(self) -> int:
        """Prompt tokens in a batch of occlusion."""
        logits = _BYTES_A_LOGIT * self.shape.vocabulary * self.response
        states = self._layer_bytes() + logits
        most = min(ceil(_of(self).positions / self.length), self.prompt)
        return _within(self.budget // states, 1, most)

    def deletions(self, share: float, unnoticed_s: float = 0.0) -> int:
        """Prompt tokens that occlusion can leave out in a share of the time of a map.

        Args:
            share: The share; totals and the check of causality belong to the map.
            unnoticed_s: Seconds that may be taken however short the map.
        """
        body = self._body_seconds()
        map_s = min(self._forward_seconds(), self._reverse_seconds()) + 3 * body
        # Making probabilities of the logits takes about half as long as the logits.
        head = 3 * self.shape.width * self.shape.vocabulary * self.response / _of(self).rate
        batch = self.shape.layers * _of(self).going_back + self._coming_seconds()
        # The text as it is, and a first batch of one.
        begun = body + head + 2 * batch
        left = max(share * map_s, unnoticed_s) - begun
        return _within(left / (body + head + batch / self.sequences()), 0, self.prompt)

    def _body_seconds(self) -> float:
        shape = self.shape
        attention = 4 * shape.layers * shape.width * self.length**2
        return (2 * shape.weights * self.length + attention) / _of(self).rate

    def _prompt_blocks(self) -> int:
        """The number k of blocks that minimises their cost plus that of the prompt's tangents.

        A token in the j-th of k blocks passes through T - j N / k of the T positions.
        """
        saved = self.prompt**2 / (2 * self.length) * _of(self).forward * self._body_seconds()
        cost = self.shape.layers * _of(self).recording + self._coming_seconds()
        worth = sqrt(saved / cost)
        return _within(worth, 1, ceil(self.prompt / _SHORTEST_BLOCK))

    def _forward_seconds(self) -> float:
        device, body, blocks = _of(self), self._body_seconds(), len(self.blocks())
        skipped = self.prompt / (2 * self.length) * (1 - 1 / self._prompt_blocks())
        passes = self.prompt * device.forward * (1 - skipped)
        if not self.taped():
            passes += self.prompt / self.tangents()
        batches = ceil(self.prompt / self.tangents()) * blocks / 2
        comings = blocks if self.taped() else batches + blocks
        layers = self.shape.layers * (blocks * device.recording + batches * device.playing)
        return (passes + 3) * body + layers + (comings + 3) * self._coming_seconds()

    def _reverse_seconds(self) -> float:
        device, body = _of(self), self._body_seconds()
        half = self.response / (2 * self.length)
        passes = device.backward + (1 if self.checkpointed() else 0)
        once = ceil(self.response / self.segment())
        comings = once + (self.response if self.checkpointed() else 0)
        layers = self.response * self.shape.layers * device.going_back
        body *= (self.response * passes + once) * (1 - half)
        return body + layers + comings * self._coming_seconds()

    def _coming_seconds(self) -> float:
        return self.shape.away / _COMING

    def _tape_bytes(self) -> int:
        shape, length = self.shape, self.length
        position = 14 * shape.width + 8 * shape.inner + 2 * shape.heads * length
        activations = shape.itemsize * shape.layers * length * position
        return activations + len(self.blocks()) * shape.away

    def _tangent_bytes(self) -> int:
        return 2 * self._layer_bytes() + self._kept_bytes()

    def _layer_bytes(self) -> int:
        """Memory of one layer at a time for one sequence."""
        shape, length = self.shape, self.length
        scores = 6 * shape.heads * min(length, _LONGEST_BLOCK) * length
        return shape.itemsize * (length * (6 * shape.width + 3 * shape.inner) + scores)

    def _kept_bytes(self) -> int:
        """Memory of the keys and values of all layers."""
        shape = self.shape
        return 2 * shape.itemsize * shape.layers * self.length * shape.width

    def _graph_bytes(self) -> int:
        shape, length = self.shape, self.length
        position = 16 * shape.width + 9 * shape.inner
        if shape.scores:
            position += 3 * shape.heads * length
        return shape.itemsize * shape.layers * length * position + shape.away


def _of(plan: Plan) -> Device:
    return _CPU if plan.shape.device.type == "cpu" else _GPU


def _within(value: float, least: int, most: int) -> int:
    return int(max(least, min(value, most)))
