"""Reads a tensor of both models in blocks, as two sums of squares and what they differ by."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from analysis.engine.weights.matrices import WeightTensor
from analysis.engine.weights.tensors import TensorSource

# Entries of a block: small beside the difference, which is held as a whole.
_ENTRIES = 1 << 22


@dataclass(eq=False)
class Difference:
    """A tensor's change.

    Attributes:
        norm_base: ‖W‖ over all that is compared, squares summed in float64.
        norm_change: ‖ΔW‖, likewise.
        blocks: ΔW of the matrix, or of each expert's, float32 [in, out]; views. Empty if not kept.
    """

    norm_base: float = 0.0
    norm_change: float = 0.0
    blocks: list[Tensor] = field(default_factory=list)


def size(tensor: WeightTensor) -> int:
    """Bytes of a matrix's change, of all experts."""
    return 4 * len(tensor.names) * math.prod(tensor.shape)


def difference(
    base: TensorSource,
    tuned: TensorSource,
    before: WeightTensor,
    after: WeightTensor,
    *,
    keep: bool,
) -> Difference:
    """What a tensor of the base model became.

    Rows that only one of them has are left out; all other dimensions are the same. Without `keep`
    only the norms are found, in little memory.
    """
    found, squares_base, squares_change = Difference(), 0.0, 0.0
    for one, other in zip(_parts(base, before), _parts(tuned, after), strict=True):
        change = torch.empty(0)
        for place, (w, v) in enumerate(zip(_blocks(one), _blocks(other), strict=False)):
            shared = min(len(w), len(v))
            w, v = w[:shared], v[:shared]
            squares_base += _squares(w)
            delta = v.sub_(w)
            squares_change += _squares(delta)
            if not keep:
                continue
            if not place:
                rows = min(one.shape[0], other.shape[0])
                change = torch.empty((rows, *one.shape[1:]))
            start = place * one.step
            change[start : start + shared] = delta
        if keep:
            found.blocks.append(change.T if before.out_by_in else change)
    found.norm_base, found.norm_change = math.sqrt(squares_base), math.sqrt(squares_change)
    return found


@dataclass(frozen=True, eq=False)
class _Part:
    """A tensor, or one expert's of a stacked one."""

    source: TensorSource
    name: str
    expert: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        whole = self.source.shape(self.name)
        return whole if self.expert is None else whole[1:]

    @property
    def step(self) -> int:
        """Rows of a block."""
        return max(1, _ENTRIES // max(1, math.prod(self.shape[1:])))


def _parts(source: TensorSource, tensor: WeightTensor) -> Iterator[_Part]:
    for name in tensor.names:
        for expert in range(tensor.shape[0]) if tensor.stacked else (None,):
            yield _Part(source, name, expert)


def _blocks(part: _Part) -> Iterator[Tensor]:
    if part.expert is not None:
        # One expert is read at a time; more of them are never in memory.
        yield from torch.split(part.source.read(part.name, part.expert), part.step)
        return
    rows = torch.arange(part.shape[0])
    for some in torch.split(rows, part.step):
        yield part.source.read(part.name, some)


def _squares(values: Tensor) -> float:
    return float(values.double().square_().sum())
