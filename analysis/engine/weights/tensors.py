"""Reads single tensors of a model from its files or from memory, never more than requested."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from analysis.engine.non_finite import is_finite, weight_problem
from analysis.engine.whereabouts import numbers
from analysis.models.checkpoint import Checkpoint
from analysis.problems import ProblemError, problem

# numpy has no bfloat16: its bits are read as integers.
_STORED: dict[str, tuple[str, torch.dtype]] = {
    "F64": ("<f8", torch.float64),
    "F32": ("<f4", torch.float32),
    "F16": ("<f2", torch.float16),
    "BF16": ("<i2", torch.bfloat16),
}
# What quantised weights consist of; numpy has no 8-bit floats either.
_PACKED: dict[str, tuple[str, torch.dtype]] = {
    "U8": ("u1", torch.uint8),
    "I8": ("i1", torch.int8),
    "I16": ("<i2", torch.int16),
    "I32": ("<i4", torch.int32),
    "I64": ("<i8", torch.int64),
    "F8_E4M3": ("u1", torch.float8_e4m3fn),
    "F8_E5M2": ("u1", torch.float8_e5m2),
    "F8_E8M0": ("u1", torch.uint8),  # Exponents alone; torch 2.6 has no type for them.
}
_BLOCK = 2**24


class TensorSource(Protocol):
    """Looks up tensors by name."""

    @property
    def where(self) -> str:
        """What errors call the source."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats about all of its tensors, one sentence each."""

    def names(self) -> tuple[str, ...]:
        """The names of all tensors."""

    def __contains__(self, name: str) -> bool:
        """Whether there is a tensor of that name."""

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, without reading it."""

    def read(self, name: str, index: int | Tensor | None = None) -> Tensor:
        """A tensor, or part of it along its first dimension, as a new float32 tensor on the CPU.

        Args:
            name: One that the source contains.
            index: One position, int64 [n] positions, or None for all.

        Raises:
            NotFiniteError: ``model`` when a number read is not finite.
        """


class ModelTensors:
    """The parameters of a loaded model under their names in memory.

    Of one with adapters attached, the base model's, under the names that they have without: an
    adapter's changes are read from its file (`AdaptedTensors`).
    """

    notes: tuple[str, ...] = ()

    def __init__(self, model: nn.Module) -> None:
        self._parameters = {
            name.replace(".base_layer.", ".").replace(".original_module.", "."): (name, parameter)
            for name, parameter in model.named_parameters(remove_duplicate=False)
            if ".lora_" not in name and ".modules_to_save." not in name
        }
        self._model, self.where = model, type(model).__name__

    def names(self) -> tuple[str, ...]:
        return tuple(self._parameters)

    def __contains__(self, name: str) -> bool:
        return name in self._parameters

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._parameters[name][1].shape)

    def read(self, name: str, index: int | Tensor | None = None) -> Tensor:
        stored = numbers(self._model, self._parameters[name][0])
        if not stored.is_floating_point() or stored.itemsize < 2:
            raise _unreadable(self.where, name, str(stored.dtype).removeprefix("torch."))
        part = stored if index is None else stored[index]
        refuse_not_finite(self.where, name, part)
        return part.to("cpu", torch.float32, copy=True)


@dataclass(frozen=True)
class _Place:
    """Where a tensor lies, and in which file."""

    file: Path
    offset: int
    shape: tuple[int, ...]
    stored: str


class DiskTensors:
    """The tensors of a folder's safetensors files under their names on disk.

    Only the headers are read at first. The files are mapped read-only, one tensor at a time, so a
    file may exceed memory. ``safetensors.safe_open`` maps a whole file writable for torch, which
    Linux refuses beyond memory and swap, and has no bfloat16 for numpy.

    Raises:
        ProblemError: ``model`` when the weights are pickles.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, found: Checkpoint) -> None:
        self.where = str(found.folder)
        if found.pickled:
            raise problem(
                "model",
                f"The weights of {found.folder} are pickled ({found.weights[0].name}).",
                "A pickle cannot be read tensor by tensor; the whole model has to be loaded.",
                "Load the model with --allow-pickle if you trust its authors, or find a "
                "safetensors version.",
            )
        self._places: dict[str, _Place] = {}
        for file in found.weights:
            self._places.update(_places(file))

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def shape(self, name: str) -> tuple[int, ...]:
        return self._places[name].shape

    def names(self) -> tuple[str, ...]:
        """The names of all tensors."""
        return tuple(self._places)

    def stored(self, name: str) -> str:
        """The type in which a tensor is stored, as safetensors names it: ``F32``, ``U8``."""
        return self._places[name].stored

    def raw(self, name: str, index: NDArray[np.int64] | None = None) -> Tensor:
        """A tensor as it is stored, or positions of its first dimension, in a type of its own.

        Raises ProblemError ``model`` when the type is unknown.
        """
        place = self._places[name]
        kind = {**_STORED, **_PACKED}.get(place.stored)
        if kind is None:
            raise _unreadable(self.where, name, place.stored)
        numbers, dtype = kind
        mapped: np.memmap[Any, Any] = np.memmap(
            place.file, numbers, mode="r", offset=place.offset, shape=place.shape
        )
        part = np.array(mapped if index is None else mapped[index])
        return torch.from_numpy(part).view(dtype)

    def read(self, name: str, index: int | Tensor | None = None) -> Tensor:
        """As `TensorSource.read`; ProblemError ``model`` if it is not plain floating point."""
        place = self._places[name]
        if place.stored not in _STORED:
            raise _unreadable(self.where, name, place.stored)
        numbers, dtype = _STORED[place.stored]
        mapped: np.memmap[Any, Any] = np.memmap(
            place.file, numbers, mode="r", offset=place.offset, shape=place.shape
        )
        rows = np.arange(place.shape[0]) if index is None else np.atleast_1d(np.asarray(index))
        result = torch.empty((len(rows), *place.shape[1:]), dtype=torch.float32)
        # Convert in blocks, to avoid a second copy of the whole tensor.
        step = max(1, _BLOCK // max(1, math.prod(place.shape[1:])))
        for start in range(0, len(rows), step):
            block = torch.from_numpy(mapped[rows[start : start + step]])
            result[start : start + step] = block.view(dtype)
            refuse_not_finite(self.where, name, result[start : start + step])
        return result[0] if isinstance(index, int) else result


def _unreadable(where: str, name: str, stored: str) -> ProblemError:
    return problem(
        "model",
        f"The tensor {name} of {where} is stored as {stored}.",
        "Nothing says how to restore the numbers it stands for.",
        "Give a version in float32, float16 or bfloat16.",
    )


def refuse_not_finite(where: str, name: str, values: Tensor) -> None:
    """Raise NotFiniteError ``model`` unless all values are finite."""
    if not is_finite(values):
        raise weight_problem(where, name, values)


def _places(file: Path) -> dict[str, _Place]:
    """Every tensor of a safetensors file that `checkpoint.inspect` found complete."""
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header: dict[str, Any] = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    return {
        name: _Place(
            file, 8 + length + tensor["data_offsets"][0], tuple(tensor["shape"]), tensor["dtype"]
        )
        for name, tensor in header.items()
    }
