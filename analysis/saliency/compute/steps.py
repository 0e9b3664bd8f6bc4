"""The steps of a tape of tangents: operations, each linear in what it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch


@dataclass(frozen=True, eq=False)
class Slot:
    """A place for a tangent or a value derived from one."""

    shape: torch.Size
    dtype: torch.dtype


@dataclass(frozen=True, eq=False)
class Step:
    """One operation, which returns new values and changes none.

    Attributes:
        operation: The function called.
        args, kwargs: Its arguments, with slots in place of tangents.
        read: The slots among them.
        written: Slots of the tensors it returns.
        finished: Slots that no later step reads.
    """

    operation: Any
    args: Any
    kwargs: Any
    read: tuple[Slot, ...]
    written: tuple[Slot, ...]
    finished: tuple[Slot, ...] = ()


@dataclass(frozen=True)
class Own:
    """An operation that torch lacks; its name says what it does with which arguments."""

    name: str


COMBINED = Own("the sum of slots, each times a constant: args are (slot, constant or None)")
MULTIPLIED = Own("the sum of batched matrix products: args are (left, right), one a slot")
WRITTEN = Own("what a storage holds after a write: args are (slot before or None, value, place)")
VIEWED = Own("what lies at a place of a storage: args are (slot, place)")


def needed(steps: Sequence[Step], end: Slot) -> tuple[Step, ...]:
    """The steps that the end depends on, each with the slots that no later step reads."""
    wanted = {end}
    kept: list[Step] = []
    for step in reversed(steps):
        if wanted.isdisjoint(step.written):
            continue
        touched = {*step.read, *step.written}
        kept.append(replace(step, finished=tuple(touched - wanted)))
        wanted |= touched
    return tuple(reversed(kept))


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Arguments with `change` applied to every leaf."""
    if isinstance(value, (list, tuple)):
        return [mapped(each, change) for each in value]
    if isinstance(value, dict):
        return {name: mapped(each, change) for name, each in value.items()}
    return change(value)


def tensors_in(result: Any) -> list[torch.Tensor]:
    """All tensors in an operation's arguments or results, in order."""
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, (list, tuple)):
        return [tensor for each in result for tensor in tensors_in(each)]
    return []
