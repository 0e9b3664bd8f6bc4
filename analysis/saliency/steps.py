"""The steps of a tape of tangents, and fewer of them that come to the same.

Every step is linear in the tangents, and what surrounds the matrix products costs a pass over
memory a step. So a tangent that is multiplied with one constant after the other is multiplied with
their product, which is computed once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

_aten = torch.ops.aten
_MUL = _aten.mul.Tensor
# Of a gradient and what the function was given: the gradient times a constant, element by element.
_ACTIVATIONS = frozenset(
    {_aten.silu_backward.default, _aten.gelu_backward.default, _aten.tanh_backward.default}
)


@dataclass(frozen=True, eq=False)
class Slot:
    """A place for a tangent or what became of it.

    Attributes:
        shape, dtype: What belongs there.
    """

    shape: torch.Size
    dtype: torch.dtype


@dataclass(frozen=True, eq=False)
class Step:
    """One operation.

    Attributes:
        operation: What is called.
        args, kwargs: Its arguments, slots in the places of tangents.
        read: The slots among them.
        written: Where the tensors go that it returns.
        finished: Slots that no later step reads.
    """

    operation: Any
    args: Any
    kwargs: Any
    read: tuple[Slot, ...]
    written: tuple[Slot, ...]
    finished: tuple[Slot, ...] = ()


def constants_folded(steps: Sequence[Step], end: Slot) -> list[Step]:
    """The same steps with fewer products, in the same order.

    Args:
        steps: As they were recorded.
        end: The slot whose content is asked for.
    """
    readers = Counter(slot for step in steps for slot in step.read)
    readers[end] += 1
    products: dict[Slot, tuple[int, Slot, Tensor]] = {}
    kept: list[Step | None] = []
    for step in steps:
        found = _product(step)
        if step.operation._schema.is_mutable:
            # What was multiplied before may be another thing now.
            products.clear()
        if found is None:
            kept.append(step)
            continue
        tangent, factor = found
        before = products.get(tangent)
        if before is not None and readers[tangent] == 1 and tangent.shape == step.written[0].shape:
            place, tangent, first = before
            kept[place] = None
            factor = first * factor
        products[step.written[0]] = (len(kept), tangent, factor)
        kept.append(
            replace(step, operation=_MUL, args=[tangent, factor], kwargs={}, read=(tangent,))
        )
    return [step for step in kept if step is not None]


def _product(step: Step) -> tuple[Slot, Tensor] | None:
    """The slot and the constant whose product a step is; None for any other step."""
    if step.operation in (_MUL, _aten.mul.Scalar) and len(step.read) == 1 and not step.kwargs:
        tangent, factor = step.args
        if not isinstance(tangent, Slot):
            tangent, factor = factor, tangent
        factor = torch.as_tensor(factor, dtype=tangent.dtype)
    elif step.operation in _ACTIVATIONS and isinstance(step.args[0], Slot) and len(step.read) == 1:
        tangent, point = step.args
        factor = step.operation(torch.ones_like(point), point, **step.kwargs)
    else:
        return None
    # Products in another precision than the tangent's are left as they are.
    return (tangent, factor) if factor.dtype == tangent.dtype == step.written[0].dtype else None


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Arguments with every leaf changed."""
    if isinstance(value, (list, tuple)):
        return [mapped(each, change) for each in value]
    if isinstance(value, dict):
        return {name: mapped(each, change) for name, each in value.items()}
    return change(value)
