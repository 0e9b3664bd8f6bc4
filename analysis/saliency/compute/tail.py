"""Runs the end of a tape backwards once instead of forwards for every tangent.

After the last attention every position is processed by itself. There the product of the seeds with
the end's tangent equals the product of other seeds with an earlier tangent, and one backward pass
finds those for all positions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from analysis.saliency.compute.batching import batched
from analysis.saliency.compute.steps import MULTIPLIED, Slot, Step

_aten = torch.ops.aten
_PRODUCTS = frozenset({MULTIPLIED, _aten.mm.default, _aten.addmm.default, _aten.baddbmm.default})
# How far two computations of a number may differ by rounding, as a share of the largest number.
_ROUNDING = 1e-4


def pulled_back(steps: Sequence[Step], end: Slot, seeds: Tensor) -> tuple[Slot, Tensor]:
    """The earliest slot whose rows alone decide the end's rows, and the seeds there.

    Args:
        steps: Of a tape.
        end: A slot of shape [M, D].
        seeds: [M, D], the factors of its tangents.

    Returns:
        A slot that holds M rows, and [M, its size / M] such that the sums of products over a row
        are the same for every tangent; the end and the seeds if there is no earlier slot.
    """
    best = (end, seeds)
    if end.dtype != seeds.dtype or end.shape != seeds.shape:
        return best
    wanted, tail, products = {end}, [], 0
    for step in reversed(steps):
        if wanted.isdisjoint(step.written):
            continue
        if step.kwargs and step.kwargs.get("device") is not None:
            break  # What is before it is on another device than the seeds.
        tail.append(step)
        products += step.operation in _PRODUCTS
        wanted = (wanted - {*step.written}) | {*step.read}
        # The backward pass pays only if it saves a matrix product.
        if len(wanted) == 1 and products:
            (slot,) = wanted
            if not _has_rows(slot, len(seeds)) or slot.dtype != seeds.dtype:
                continue
            found = _seeds_at(slot, tail[::-1], end, seeds)
            if found is None:
                break
            best, products = (slot, found), 0
    return best


def _has_rows(slot: Slot, count: int) -> bool:
    """Whether a slot holds this many rows, one after another."""
    return next((each for each in slot.shape if each != 1), 1) == count


def _seeds_at(slot: Slot, tail: Sequence[Step], end: Slot, seeds: Tensor) -> Tensor | None:
    """Seeds [M, ...], or None if a row of the end also depends on other rows of the slot."""
    random = torch.Generator(seeds.device).manual_seed(0)
    tangent = torch.randn(1, *slot.shape, dtype=slot.dtype, device=seeds.device, generator=random)
    tangent.requires_grad_()
    with torch.inference_mode(False), torch.enable_grad():
        # A copy, since a step may overwrite its input.
        filled = {slot: tangent.clone()}
        for step in tail:
            filled.update(zip(step.written, batched(step)(filled), strict=True))
        moved = filled[end][0]
        if not moved.requires_grad:
            return None
        (gradient,) = torch.autograd.grad(moved, tangent, seeds)
    forwards = (moved.detach() * seeds).sum(dim=1)
    pulled = gradient.reshape(len(seeds), -1)
    backwards = (tangent.detach().reshape(len(seeds), -1) * pulled).sum(dim=1)
    apart = float((forwards - backwards).abs().max())
    return pulled if apart <= _ROUNDING * float(forwards.abs().max()) else None
