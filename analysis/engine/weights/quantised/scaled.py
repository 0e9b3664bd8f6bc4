"""Small numbers scaled by tensor, row, block or group: FP8, int8, MXFP4 and NVFP4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from analysis.engine.weights.quantised.source import (
    Positions,
    Restored,
    Weights,
    beside,
    in_portions,
    unfit,
)
from analysis.engine.weights.tensors import DiskTensors
from analysis.models.quantisation import Quantisation

EIGHT_BITS = ("F8_E4M3", "F8_E5M2", "I8")
_BLOCK = (128, 128)
# The numbers of E2M1, a sign, two bits of exponent and one of mantissa.
_E2M1 = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
_E2M1_CODES = torch.cat([_E2M1, -_E2M1])
# In MXFP4 a scale is for 32 numbers, in NVFP4 for 16.
_MX_GROUP = 32


def fp8(disk: DiskTensors, how: Quantisation) -> Weights:
    """Every tensor in FP8, a linear layer's or all experts' together, with the scale beside it."""
    size = how.settings.get("weight_block_size") or _BLOCK
    if not _is_size(size):
        raise unfit(disk, "in FP8", f"weight_block_size is {size!r} in its configuration.")
    for name in disk.names():
        if disk.stored(name) in ("F8_E4M3", "F8_E5M2") and len(disk.shape(name)) > 1:
            for scale in (f"{name}_scale_inv", f"{name}_scale"):
                if scale in disk:
                    yield name, scaled(disk, name, scale, [tuple(size)])


def _is_size(found: Any) -> bool:
    return isinstance(found, list | tuple) and all(
        isinstance(each, int) and each > 0 for each in found
    )


def scaled(
    disk: DiskTensors, name: str, scale: str, sizes: Sequence[tuple[int, ...]], zero: str = ""
) -> Restored:
    """A weight [..., out, in] times its scale, less its zero point first if it has one.

    Args:
        disk: The files.
        name: The weight, in a small type.
        scale: Its scale, for all of it, for each row, or for blocks of rows and columns.
        sizes: Possible sizes of a block, where the shapes do not tell.
        zero: Its zero point, of the scale's shape.
    """
    shape = disk.shape(name)
    blocks = _blocks(disk, name, scale, sizes)

    def spread(values: Tensor, index: Positions) -> Tensor:
        """The part of the scales that belongs to positions of the first dimension."""
        values = values.reshape(blocks.counts)
        if blocks.counts[0] > 1:
            values = values[torch.from_numpy(index) // blocks.sizes[0]]
        for dimension in range(1, len(shape)):
            if blocks.counts[dimension] > 1:
                values = values.repeat_interleave(blocks.sizes[dimension], dimension)
                values = values.narrow(dimension, 0, shape[dimension])
        return values

    def rows(index: Positions | None) -> Tensor:
        scales = numbers_of(disk, scale)
        zeros = disk.raw(zero).float() if zero in disk else None

        def some(index: Positions) -> Tensor:
            numbers = disk.raw(name, index).float()
            if zeros is not None:
                numbers = numbers - spread(zeros, index)
            return numbers * spread(scales, index)

        return in_portions(shape, index, some)

    return Restored(shape, rows)


@dataclass(frozen=True)
class _Blocks:
    """How many blocks a weight has along each dimension, and how long they are."""

    counts: tuple[int, ...]
    sizes: tuple[int, ...]


def _blocks(disk: DiskTensors, name: str, scale: str, sizes: Sequence[tuple[int, ...]]) -> _Blocks:
    shape, counts = disk.shape(name), disk.shape(scale)
    if prod(counts) == 1:
        return _Blocks((1,) * len(shape), shape)
    if len(counts) < len(shape):
        # One for each row, or for each expert.
        counts = (*counts, *(1,) * (len(shape) - len(counts)))
    found = []
    for size in (each for each in sizes if len(each) <= len(shape)):
        whole = (*(1,) * (len(shape) - len(size)), *size)
        # One block may be all there is along a dimension, whatever the size of the others.
        lengths = tuple(
            all_of_it if count == 1 else all_of_it // count if all_of_it == count else length
            for all_of_it, count, length in zip(shape, counts, whole, strict=True)
        )
        if all(-(-a // b) == c for a, b, c in zip(shape, lengths, counts, strict=True)):
            found.append(lengths)
    if len(set(found)) != 1:
        raise unfit(disk, name, f"It is {list(shape)}, and its scale {list(disk.shape(scale))}.")
    return _Blocks(counts, found[0])


def numbers_of(disk: DiskTensors, name: str) -> Tensor:
    """Scales as float32; those stored as bytes are powers of two, 127 being 1."""
    stored = disk.raw(name)
    if stored.dtype == torch.uint8:
        return torch.exp2(stored.float() - 127)
    return stored.float()


def mxfp4(disk: DiskTensors, how: Quantisation) -> Weights:
    """Experts' weights as gpt-oss stores them: [experts, out, groups, 16] bytes and their scales.

    Restored they are [experts, in, out], as transformers has them in memory.
    """
    for name in disk.names():
        if name.endswith("_blocks") and disk.stored(name) == "U8":
            weight = name.removesuffix("_blocks")
            beside(disk, weight, f"{weight}_scales")
            yield weight, _experts(disk, weight)


def _experts(disk: DiskTensors, weight: str) -> Restored:
    blocks, scales = f"{weight}_blocks", f"{weight}_scales"
    shape = disk.shape(blocks)
    if len(shape) != 4 or shape[3] * 2 != _MX_GROUP or disk.shape(scales) != shape[:3]:
        raise unfit(disk, weight, "Its tensors do not fit each other.")
    experts, out, groups, _ = shape
    restored = (experts, groups * _MX_GROUP, out)

    def some(index: Positions) -> Tensor:
        sizes = torch.exp2(disk.raw(scales, index).float() - 127)
        numbers = _four_bits(disk.raw(blocks, index)) * sizes[..., None]
        return numbers.flatten(2).transpose(1, 2)

    return Restored(restored, lambda index: in_portions(restored, index, some))


def _four_bits(codes: Tensor) -> Tensor:
    """Two numbers of E2M1 a byte, the first in the low bits: float32 [..., 2 n] of [..., n]."""
    byte = torch.arange(256)
    pairs = torch.stack([_E2M1_CODES[byte & 15], _E2M1_CODES[byte >> 4]], dim=1)
    return pairs[codes.long()].flatten(-2)


def fp4_packed(disk: DiskTensors, module: str) -> Restored:
    """compressed-tensors' ``nvfp4-pack-quantized`` and ``mxfp4-pack-quantized`` [out, in].

    NVFP4 divides the scales of its groups by one for the whole weight.
    """
    weight = f"{module}weight"
    packed, scales, divisor = (f"{weight}_{each}" for each in ("packed", "scale", "global_scale"))
    beside(disk, weight, packed, scales)
    out, inner = disk.shape(packed)[0], disk.shape(packed)[1] * 2
    groups = disk.shape(scales)[-1]
    if disk.shape(scales) != (out, groups) or inner % groups:
        raise unfit(disk, weight, "Its tensors do not fit each other.")

    def rows(index: Positions | None) -> Tensor:
        sizes = numbers_of(disk, scales)
        if divisor in disk:
            sizes = sizes / disk.raw(divisor).float()

        def some(index: Positions) -> Tensor:
            numbers = _four_bits(disk.raw(packed, index)).view(len(index), groups, -1)
            return (numbers * sizes[index][..., None]).flatten(1)

        return in_portions((out, inner), index, some)

    return Restored((out, inner), rows)
