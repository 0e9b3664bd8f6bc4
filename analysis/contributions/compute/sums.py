"""Turns values and gradients at one position into contributions, and checks their sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from analysis.contributions.compute.attended import by_source
from analysis.contributions.compute.layout import LayerParts, unlike
from analysis.contributions.compute.linearised import LayerSeen, Position, differentiable
from analysis.contributions.result import Parts
from analysis.engine.memory import is_out_of_memory
from analysis.engine.reasons import reason
from analysis.problems import problem

# How far a sum may be off, as a share of what it should be or of 1: rounding.
_EXACT, _HALF = 1e-4, 0.05
# How far the words of a head may be off, as a share of what adds to the largest head.
_WORDS, _WORDS_IN_HALF = 1e-4, 0.03


@dataclass(frozen=True, eq=False)
class Sums:
    """What every part adds to a number, and with what gradients that was found.

    Attributes:
        parts: By part.
        total: The number, float64.
        left_over: `total` minus the sum of the parts.
        neurons: Of each layer float64 [D_ff], what every neuron adds; empty in a mixture.
        heads: Of each layer float64 [H·d], the gradient of the heads.
        sizes: float64 [L], the most that any head of a layer adds in magnitudes.
    """

    parts: Parts
    total: float
    left_over: float
    neurons: list[Tensor]
    heads: list[Tensor]
    sizes: list[float]


def added(
    model: PreTrainedModel, position: Position, layout: list[LayerParts], number: Tensor
) -> Sums:
    """Take a number apart.

    Args:
        model: The model.
        position: Where it is from; its graph is kept.
        layout: The model's.
        number: A scalar, linear in the position's logits.

    Raises:
        ProblemError: ``model`` when the parts do not add up to the number.
    """
    leaves = [position.stream, *_leaves(position.layers), *position.biases]
    try:
        with differentiable(position.biases):
            found = torch.autograd.grad(number, leaves, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise unlike(model, f"What else it adds has no derivative here: {reason(error)}") from error
    slopes = {id(leaf): each for leaf, each in zip(leaves, found, strict=True)}

    def products(leaf: Tensor) -> Tensor:
        slope = slopes[id(leaf)]
        own = _wide(leaf)
        return torch.zeros_like(own) if slope is None else own * _wide(slope)

    count = len(layout)
    heads = np.full((count, max(each.heads for each in layout)), np.nan, np.float32)
    biases, networks, network_biases = (np.zeros(count, np.float32) for _ in range(3))
    neurons: list[Tensor] = []
    head_slopes: list[Tensor] = []
    sizes: list[float] = []
    for layer, (parts, seen) in enumerate(zip(layout, position.layers, strict=True)):
        assert seen.heads is not None
        assert seen.attended is not None
        each = products(seen.heads).view(parts.heads, -1)
        heads[layer, : parts.heads] = each.sum(dim=1).numpy()
        sizes.append(float(each.abs().sum(dim=1).max()))
        slope = slopes[id(seen.heads)]
        head_slopes.append(_wide(seen.heads) * 0 if slope is None else _wide(slope))
        biases[layer] = _bias(parts.output, seen.heads, slopes[id(seen.attended)])
        if seen.mixture is not None:
            networks[layer] = products(seen.mixture).sum()
            neurons.append(torch.zeros(0, dtype=torch.float64))
        else:
            assert parts.down is not None
            assert seen.neurons is not None
            assert seen.written is not None
            neurons.append(products(seen.neurons))
            networks[layer] = neurons[-1].sum()
            network_biases[layer] = _bias(parts.down, seen.neurons, slopes[id(seen.written)])
    ends = sum(float(products(each).sum()) for each in position.biases)
    embedding = float(products(position.stream).sum())
    told = Parts(embedding, heads, biases, networks, network_biases, ends)
    total = float(number.detach())
    left_over = total - told.total
    if not abs(left_over) <= _allowed(position, total):
        raise problem(
            "model",
            "The parts of this model do not add up to its logit.",
            f"The logit is {total:.6g}, its parts together {told.total:.6g}: something else adds "
            "to it than embeddings, heads, feed-forward networks and biases.",
            "Choose another model, or --dtype float32.",
        )
    return Sums(told, total, left_over, neurons, head_slopes, sizes)


def words_of(position: Position, found: Sums, length: int) -> tuple[NDArray[np.float32], list[int]]:
    """What each head adds by attending to each of T tokens, float32 [L, H, T].

    Also the layers left out, NaN: their attention is not known, or is not a mean of values, so that
    the words do not add up to the head.
    """
    heads = found.parts.heads
    words = np.full((*heads.shape, length), np.nan, np.float32)
    half = _is_half(position)
    left_out = []
    for layer, attended in enumerate(position.sources):
        own = None if attended is None else by_source(attended, found.heads[layer], length)
        if own is not None:
            apart = np.abs(own.sum(dim=1).numpy() - heads[layer, : len(own)]).max()
            if apart <= (_WORDS_IN_HALF if half else _WORDS) * max(found.sizes[layer], 1e-6):
                words[layer, : len(own)] = own.numpy()
                continue
        left_out.append(layer)
    return words, left_out


def _leaves(layers: list[LayerSeen]) -> list[Tensor]:
    every = (
        tensor
        for each in layers
        for tensor in (each.heads, each.attended, each.neurons, each.written, each.mixture)
    )
    return [each for each in every if each is not None]


def _wide(values: Tensor) -> Tensor:
    """The numbers of the last position, float64 on the CPU."""
    return values.detach().reshape(-1, values.shape[-1])[-1].to("cpu", torch.float64)


def _bias(module: torch.nn.Module, leaf: Tensor, slope: Tensor | None) -> float:
    """What a projection adds to no input, along a gradient; whatever is wrapped around it."""
    if slope is None:
        return 0.0
    with torch.no_grad():
        bias = module(torch.zeros_like(leaf))
    return float(_wide(bias) @ _wide(slope))


def _is_half(position: Position) -> bool:
    return position.stream.dtype in (torch.float16, torch.bfloat16)


def _allowed(position: Position, total: float) -> float:
    """How much may be left over: rounding, which in half precision is that of the logits too."""
    if not _is_half(position):
        return _EXACT * max(1.0, abs(total))
    return _HALF * max(1.0, float(position.logits.detach().abs().max()))
