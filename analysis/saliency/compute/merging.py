"""Merges steps of a recorded tape into fewer equivalent ones.

Around the matrix products every step costs a pass over memory. So products with constants and their
sums become one step, whose constants are computed once, and so do two matrix products that the
product rule adds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from analysis.saliency.compute.steps import COMBINED, MULTIPLIED, Own, Slot, Step

_aten = torch.ops.aten
# The gradient times a constant, elementwise; arguments are the gradient and the function's input.
_ACTIVATIONS = frozenset(
    {_aten.silu_backward.default, _aten.gelu_backward.default, _aten.tanh_backward.default}
)

Term = tuple[Slot, Tensor | None]
"""A slot and its elementwise factor; None for one."""


def merged(steps: Sequence[Step], end: Slot) -> list[Step]:
    """Merge steps, keeping their order; `end` is the slot whose content is needed."""
    readers = Counter(slot for step in steps for slot in step.read)
    readers[end] += 1
    places: dict[Slot, int] = {}
    kept: list[Step | None] = []

    def taken_in(slot: Slot, operation: Own) -> Step | None:
        """The step that fills a slot that nothing else reads, if its operation is this one."""
        place = places.get(slot)
        step = None if place is None else kept[place]
        return step if step is not None and step.operation is operation else None

    for step in steps:
        found = _combined(step) or _multiplied(step)
        if found is None:
            kept.append(step)
            continue
        gone: list[Slot] = []
        if found.operation is COMBINED:
            sources = [taken_in(slot, MULTIPLIED) for slot, _ in found.args]
            products = [each for each in sources if each and _is_sum_of(found, each)]
            if len(products) == len(found.args):
                factors = [each for product in products for each in product.args]
                gone = [slot for slot, _ in found.args]
                found = replace(found, operation=MULTIPLIED, args=factors)
            else:
                terms: list[Term] = []
                for slot, factor in found.args:
                    inner = taken_in(slot, COMBINED)
                    if inner is not None and _fits(inner.args, factor):
                        terms += [(each, _times(first, factor)) for each, first in inner.args]
                        gone.append(slot)
                    else:
                        terms.append((slot, factor))
                found = replace(found, args=terms)
        for slot in gone:
            kept[places.pop(slot)] = None
        found = replace(found, read=_slots(found.args))
        if readers[found.written[0]] == 1:
            places[found.written[0]] = len(kept)
        kept.append(found)
    return [step for step in kept if step is not None]


def _is_sum_of(found: Step, product: Step) -> bool:
    """Whether a combination adds a matrix product unchanged."""
    return (
        all(factor is None for _, factor in found.args)
        and product.written[0].shape == found.written[0].shape
    )


def _fits(terms: Sequence[Term], factor: Tensor | None) -> bool:
    """Whether multiplying the terms one by one takes no more passes than multiplying their sum."""
    return factor is None or all(each is not None for _, each in terms)


def _times(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    if first is None or second is None:
        return first if second is None else second
    return first * second


def _combined(step: Step) -> Step | None:
    """A step that multiplies by a constant or adds, as a combination; None for any other."""
    if step.kwargs and step.operation not in _ACTIVATIONS:
        return None
    terms: list[Term]
    if step.operation is _aten.add.Tensor and len(step.read) == 2:
        terms = [(slot, None) for slot in step.args]
    elif step.operation is _aten.addcmul.default and isinstance(step.args[0], Slot):
        first, second, third = step.args
        if isinstance(second, Slot):
            second, third = third, second
        if len(step.read) != 2:
            return None
        terms = [(first, None), (third, second)]
    elif step.operation in (_aten.mul.Tensor, _aten.mul.Scalar) and len(step.read) == 1:
        slot, factor = step.args
        if not isinstance(slot, Slot):
            slot, factor = factor, slot
        terms = [(slot, torch.as_tensor(factor, dtype=slot.dtype))]
        if isinstance(factor, Tensor) and factor.dtype != slot.dtype:
            return None
    elif step.operation in _ACTIVATIONS and isinstance(step.args[0], Slot) and len(step.read) == 1:
        slot, point = step.args
        terms = [(slot, step.operation(torch.ones_like(point), point, **step.kwargs))]
    else:
        return None
    # Steps that round to another precision stay as they are.
    if any(slot.dtype != step.written[0].dtype for slot, _ in terms):
        return None
    return replace(step, operation=COMBINED, args=terms, kwargs={})


def _multiplied(step: Step) -> Step | None:
    """A batched matrix product with a constant; None for any other step."""
    if step.operation is not _aten.bmm.default or len(step.read) != 1:
        return None
    return replace(step, operation=MULTIPLIED, args=[tuple(step.args)])


def _slots(args: Sequence[Sequence[object]]) -> tuple[Slot, ...]:
    return tuple(each for group in args for each in group if isinstance(each, Slot))
