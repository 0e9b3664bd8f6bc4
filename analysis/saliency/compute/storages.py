"""Tracks what the memory of tangents holds while a tape is recorded.

A step of a tape returns a new value and changes none, but models write into slices of a tensor and
read the whole tensor later. Writes are tracked here by storage, whichever view they go through, so
that reading any view gives what was written last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from analysis.saliency.compute.steps import VIEWED, WRITTEN, Slot, Step

# The attribute that holds a tensor's slot; it is looked up for every operand.
_MARK = "_slot_on_tape"


class Place(NamedTuple):
    """Where a tensor lies in its storage, in elements from its beginning."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


@dataclass(frozen=True)
class _Owner:
    """The slot of the first tensor in a storage; the others are views of it."""

    alive: StorageWeakRef  # While this is held, no other storage gets the same address.
    slot: Slot
    place: Place


@dataclass(frozen=True)
class _Content:
    """What a storage holds after a write: a slot with as many elements, in the same order."""

    slot: Slot
    kept: Tensor  # Keeps the storage alive, whose address is the key here.


class Storages:
    """The slots of tensors, by tensor and, after a write, by storage; `add` receives new steps."""

    def __init__(self, add: Callable[[Step], None]) -> None:
        self._add = add
        self._owners: dict[int, _Owner] = {}
        self._written: dict[int, _Content] = {}

    def put(self, tensor: Tensor, slot: Slot) -> None:
        setattr(tensor, _MARK, slot)
        storage = tensor.untyped_storage()
        if storage._cdata not in self._owners:
            alive = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
            owner = _Owner(alive, slot, _place(tensor))
            self._owners[storage._cdata] = owner

    def slot_of(self, tensor: Tensor) -> Slot | None:
        """The slot with a tensor's current content; None for a constant."""
        content = self._written.get(tensor.untyped_storage()._cdata) if self._written else None
        if content is None:
            slot: Slot | None = getattr(tensor, _MARK, None)
            return slot
        if content.slot.dtype != tensor.dtype:
            raise NotImplementedError("a tangent's memory is read as another type")
        if content.slot.shape == tensor.shape and _fills_its_storage(tensor):
            return content.slot
        slot = Slot(tensor.shape, tensor.dtype)
        self._add(Step(VIEWED, (content.slot, _place(tensor)), {}, (content.slot,), (slot,)))
        return slot

    def is_written(self, tensor: Tensor) -> bool:
        return bool(self._written) and tensor.untyped_storage()._cdata in self._written

    def write(self, tensor: Tensor, value: Slot | Tensor) -> None:
        """Record a write into a tensor, and so into everything that shares its memory.

        The value is a slot or a constant in the tensor's shape.
        """
        key = tensor.untyped_storage()._cdata
        if isinstance(value, Slot) and _fills_its_storage(tensor):
            self._written[key] = _Content(value, tensor)
            return
        before = self._before(key, tensor)
        self._written[key] = _Content(self._with(before, value, _place(tensor), tensor), tensor)

    def _before(self, key: int, tensor: Tensor) -> Slot | None:
        """What the storage held; None for only zeros, the tangent of a constant."""
        if key in self._written:
            return self._written[key].slot
        owner = self._owners.get(key)
        return None if owner is None else self._with(None, owner.slot, owner.place, tensor)

    def _with(
        self, before: Slot | None, value: Slot | Tensor, place: Place, tensor: Tensor
    ) -> Slot:
        count = tensor.untyped_storage().nbytes() // tensor.element_size()
        slot = Slot(torch.Size([count]), tensor.dtype)
        read = tuple(each for each in (before, value) if isinstance(each, Slot))
        self._add(Step(WRITTEN, (before, value, place), {}, read, (slot,)))
        return slot


def _place(tensor: Tensor) -> Place:
    return Place(tuple(tensor.shape), tensor.stride(), int(tensor.storage_offset()))


def _fills_its_storage(tensor: Tensor) -> bool:
    size = tensor.untyped_storage().nbytes() // tensor.element_size()
    return tensor.storage_offset() == 0 and tensor.is_contiguous() and tensor.numel() == size
