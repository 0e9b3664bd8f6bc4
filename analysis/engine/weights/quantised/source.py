"""Presents the weights of a quantised checkpoint as if it were a plain one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.engine.weights.tensors import DiskTensors, refuse_not_finite
from analysis.problems import ProblemError, problem

Positions: TypeAlias = NDArray[np.int64]
PLAIN = "Give a version in float32, float16 or bfloat16."
# Numbers restored at a time, to keep intermediate results small.
_PORTION = 2**22


@dataclass(frozen=True)
class Restored:
    """A weight whose numbers have to be restored from what a file stores.

    Attributes:
        shape: Of the weight, [out, in] for a linear layer's.
        rows: Restores positions of the first dimension, float32 [n, ...]; None for all.
    """

    shape: tuple[int, ...]
    rows: Callable[[Positions | None], Tensor]


Weights: TypeAlias = Iterator[tuple[str, Restored]]
"""Restored weights under the names they have in a plain checkpoint."""


class QuantisedTensors:
    """A `TensorSource` that restores quantised weights and reads the others as they are stored.

    Args:
        disk: The files.
        weights: The quantised ones by name.
        note: Says how they are quantised.
        transposed: The family stores [in, out], where every method quantises [out, in].
    """

    def __init__(
        self, disk: DiskTensors, weights: Mapping[str, Restored], note: str, *, transposed: bool
    ) -> None:
        self.where = disk.where
        self.notes = (note,)
        self._disk = disk
        self._weights = weights
        self._transposed = transposed

    def __contains__(self, name: str) -> bool:
        return name in self._weights or name in self._disk

    def names(self) -> tuple[str, ...]:
        """The names of all tensors, as stored and as restored."""
        return tuple(dict.fromkeys((*self._weights, *self._disk.names())))

    def restored(self) -> tuple[str, ...]:
        """The names of the quantised weights."""
        return tuple(self._weights)

    def shape(self, name: str) -> tuple[int, ...]:
        if name not in self._weights:
            return self._disk.shape(name)
        shape = self._weights[name].shape
        return shape[::-1] if self._transposed else shape

    def read(self, name: str, index: int | Tensor | None = None) -> Tensor:
        """As `TensorSource.read`; ProblemError ``model`` if the name's numbers are unreadable."""
        if name not in self._weights:
            return self._disk.read(name, index)
        rows = self._weights[name].rows
        if self._transposed:
            whole = rows(None).T
            found = whole if index is None else whole[index]
        elif isinstance(index, int):
            found = rows(np.array([index]))[0]
        else:
            found = rows(None if index is None else np.atleast_1d(np.asarray(index)))
        refuse_not_finite(self.where, name, found)
        return found


def in_portions(
    shape: tuple[int, ...], index: Positions | None, restore: Callable[[Positions], Tensor]
) -> Tensor:
    """Rows float32 [n, ...] of a weight, restored a few at a time."""
    wanted = np.arange(shape[0]) if index is None else index
    result = torch.empty((len(wanted), *shape[1:]), dtype=torch.float32)
    step = max(1, _PORTION // max(1, int(np.prod(shape[1:]))))
    for start in range(0, len(wanted), step):
        result[start : start + step] = restore(wanted[start : start + step])
    return result


def beside(disk: DiskTensors, weight: str, *names: str) -> None:
    """Refuse a weight, ProblemError ``model``, that lacks a tensor from which it is restored."""
    for name in names:
        if name not in disk:
            raise unfit(disk, weight, f"The files lack {name}.")


def unfit(disk: DiskTensors, weight: str, why: str) -> ProblemError:
    """The error for a quantised weight that cannot be restored."""
    return problem(
        "model", f"The quantised weight {weight} of {disk.where} cannot be restored.", why, PLAIN
    )
