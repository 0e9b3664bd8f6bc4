"""Runs the steps of a tape for many tangents at once: the first dimension of a slot is the batch.

`torch.func.vmap` can do this for any operation. The most common ones are implemented here, because
vmap copies the constant of a matrix product for every tangent, splits fused operations, and repeats
its dispatch at every call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from analysis.saliency.compute.steps import (
    COMBINED,
    MULTIPLIED,
    VIEWED,
    WRITTEN,
    Own,
    Slot,
    Step,
    mapped,
    tensors_in,
)
from analysis.saliency.compute.storages import Place

_aten = torch.ops.aten

Filled = Mapping[Slot, Tensor]
"""Slots and their values, [B, *shape]. An absent slot stands for a zero tangent."""

Run = Callable[[Filled], list[Tensor]]
"""A step for a batch, called if at least one of the slots it reads is filled."""


def batched(step: Step) -> Run:
    if isinstance(step.operation, Own):
        return _OWN[step.operation](step)
    by_vmap = _by_vmap(step)
    rule = _RULES.get(step.operation)
    direct = None if rule is None or step.kwargs else rule(step)
    if direct is None:
        return by_vmap
    slots = step.read

    def run(filled: Filled) -> list[Tensor]:
        if any(slot not in filled for slot in slots):
            return by_vmap(filled)
        return [direct(filled)]

    return run


def _by_vmap(step: Step) -> Run:
    def run(filled: Filled) -> list[Tensor]:
        reached = [slot for slot in dict.fromkeys(step.read) if slot in filled]
        any_of_them = filled[reached[0]]

        def once(*tangents: Tensor) -> Any:
            held = dict(zip(reached, tangents, strict=True))

            def fill(value: Any) -> Any:
                if not isinstance(value, Slot):
                    return value
                if value in held:
                    return held[value]
                return any_of_them.new_zeros(value.shape, dtype=value.dtype)

            return step.operation(*mapped(step.args, fill), **mapped(step.kwargs, fill))

        return tensors_in(torch.func.vmap(once)(*(filled[slot] for slot in reached)))

    return run


def _combined(step: Step) -> Run:
    shape, terms = step.written[0].shape, step.args

    def run(filled: Filled) -> list[Tensor]:
        total, own = None, False
        # The widest first, so that the others can be added in place.
        reached = [(filled[slot], factor, slot.shape) for slot, factor in terms if slot in filled]
        for value, factor, _ in sorted(reached, key=lambda each: -each[2].numel()):
            given = _lifted(value, len(shape))
            if factor is not None:
                factor = factor.to(given.device)
            if total is None:
                total, own = (given, False) if factor is None else (given * factor, True)
            elif own and total.shape[1:] == shape:
                total = total.add_(given) if factor is None else total.addcmul_(given, factor)
            else:
                total = total + given if factor is None else torch.addcmul(total, given, factor)
                own = True
        assert total is not None
        return [total.expand(len(total), *shape)]

    return run


def _multiplied(step: Step) -> Run:
    shape, dtype = step.written[0].shape, step.written[0].dtype

    def run(filled: Filled) -> list[Tensor]:
        total: Tensor | None = None
        for factors in step.args:
            if any(isinstance(each, Slot) and each not in filled for each in factors):
                continue
            left, right = (filled[each] if isinstance(each, Slot) else each for each in factors)
            if left.device.type != "cpu" or torch.is_grad_enabled():
                product = left @ right
                total = product if total is None else total.add_(product)
                continue
            count = len(left) if left.dim() > right.dim() else len(right)
            begun = total is not None
            if total is None:
                total = left.new_empty(count, *shape, dtype=dtype)
            # One by one, which avoids copying them into contiguous memory.
            for index in range(count):
                first = left[index] if left.dim() > len(shape) else left
                second = right[index] if right.dim() > len(shape) else right
                if begun:
                    total[index].baddbmm_(first, second)
                else:
                    torch.bmm(first, second, out=total[index])
        assert total is not None
        return [total]

    return run


def _written(step: Step) -> Run:
    before, value, place = step.args
    count = step.written[0].shape.numel()
    # A slot that nothing reads any more can be overwritten: earlier reads were copies.
    mine = before in step.finished and before.shape == step.written[0].shape

    def run(filled: Filled) -> list[Tensor]:
        held = next(filled[slot] for slot in step.read if slot in filled)
        if before in filled:
            whole = filled[before].reshape(len(held), count).contiguous()
            whole = whole if mine and not torch.is_grad_enabled() else whole.clone()
        else:
            whole = held.new_zeros(len(held), count, dtype=step.written[0].dtype)
        into = _at(whole, place)
        if not isinstance(value, Slot):
            into.copy_(value)
        elif value in filled:
            into.copy_(filled[value])
        else:
            into.zero_()
        return [whole]

    return run


def _viewed(step: Step) -> Run:
    slot, place = step.args
    count = slot.shape.numel()
    return lambda filled: [_at(filled[slot].reshape(-1, count).contiguous(), place).clone()]


def _at(whole: Tensor, place: Place) -> Tensor:
    """[B, *size], the values at a place of each of B storages."""
    strides = (whole.stride(0), *place.stride)
    offset = whole.storage_offset() + place.offset
    return whole.as_strided((len(whole), *place.size), strides, offset)


_OWN: dict[Own, Callable[[Step], Run]] = {
    COMBINED: _combined,
    MULTIPLIED: _multiplied,
    WRITTEN: _written,
    VIEWED: _viewed,
}


def _lifted(value: Tensor, dimensions: int) -> Tensor:
    """Insert ones into [B, *shape], so that shapes align at their ends."""
    missing = dimensions + 1 - value.dim()
    return value.reshape(len(value), *[1] * missing, *value.shape[1:]) if missing > 0 else value


def _shifted(dimension: int) -> int:
    return dimension + 1 if dimension >= 0 else dimension


# The following return None for arguments that are left to vmap.
Direct = Callable[[Filled], Tensor]


def _reshaped(step: Step) -> Direct:
    slot, shape = step.args[0], step.written[0].shape
    return lambda filled: filled[slot].reshape(-1, *shape)


def _expanded(step: Step) -> Direct | None:
    slot, shape = step.args[0], step.written[0].shape
    if len(slot.shape) != len(shape):
        return None
    return lambda filled: filled[slot].expand(-1, *shape)


def _transposed(step: Step) -> Direct:
    slot, *both = step.args
    first, second = (_shifted(each) for each in both)
    return lambda filled: filled[slot].transpose(first, second)


def _sliced(step: Step) -> Direct:
    slot, dimension, *rest = step.args
    return lambda filled: _aten.slice.Tensor(filled[slot], _shifted(dimension), *rest)


def _selected(step: Step) -> Direct:
    slot, dimension, index = step.args
    return lambda filled: filled[slot].select(_shifted(dimension), index)


def _with_one_more(step: Step) -> Direct:
    slot, dimension = step.args
    return lambda filled: filled[slot].unsqueeze(_shifted(dimension))


def _joined(step: Step) -> Direct | None:
    slots, dimension = step.args[0], _shifted(step.args[1] if len(step.args) > 1 else 0)
    if len(step.read) < len(slots):
        return None
    return lambda filled: torch.cat([filled[slot] for slot in slots], dimension)


def _reduced(step: Step) -> Direct | None:
    if len(step.args) != 3 or not step.args[1]:
        return None
    slot, dimensions, kept = step.args
    shifted = [_shifted(each) for each in dimensions]
    operation = step.operation
    return lambda filled: operation(filled[slot], shifted, kept)


def _times_matrix(step: Step) -> Direct | None:
    slot, matrix = step.args
    if not isinstance(slot, Slot) or isinstance(matrix, Slot):
        return None
    return lambda filled: filled[slot] @ matrix


def _elementwise(step: Step) -> Direct | None:
    if len(step.args) != 1:
        return None
    (slot,), operation = step.args, step.operation
    return lambda filled: operation(filled[slot])


_RULES: dict[Any, Callable[[Step], Direct | None]] = {
    _aten.view.default: _reshaped,
    _aten._unsafe_view.default: _reshaped,
    _aten.expand.default: _expanded,
    _aten.transpose.int: _transposed,
    _aten.slice.Tensor: _sliced,
    _aten.select.int: _selected,
    _aten.unsqueeze.default: _with_one_more,
    _aten.cat.default: _joined,
    _aten.sum.dim_IntList: _reduced,
    _aten.mean.dim: _reduced,
    _aten.mm.default: _times_matrix,
    _aten.neg.default: _elementwise,
    _aten.clone.default: _elementwise,
}
