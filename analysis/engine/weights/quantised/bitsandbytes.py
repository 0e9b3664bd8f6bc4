"""Weights quantised by bitsandbytes, in 4 bits (nf4, fp4) or 8 (LLM.int8)."""

from __future__ import annotations

import json
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

_STATE = ".quant_state.bitsandbytes__"
# Blocks of 4-bit numbers restored at a time.
_BLOCKS = 2**16


def weights(disk: DiskTensors, how: Quantisation) -> Weights:
    """Every weight that has a quantisation state (4 bits) or the largest of each row (8 bits)."""
    for name in disk.names():
        weight, is_state, _ = name.partition(_STATE)
        if is_state:
            yield weight, _four_bits(disk, weight, _state(disk, name))
        elif name.endswith(".SCB"):
            module = name.removesuffix("SCB")
            yield f"{module}weight", _eight_bits(disk, module)


def _state(disk: DiskTensors, name: str) -> dict[str, Any]:
    """The JSON that bitsandbytes stores as the bytes of a tensor."""
    try:
        state: dict[str, Any] = json.loads(bytes(disk.raw(name).tolist()))
        sizes = (*state["shape"], state["blocksize"])
        if len(sizes) != 3 or not all(isinstance(each, int) and each > 0 for each in sizes):
            raise ValueError(f"shape and size of a block are {sizes}")
    except (ValueError, KeyError, TypeError) as error:
        raise unfit(disk, name, f"Its state cannot be read: {error!r}.") from None
    return state


def _four_bits(disk: DiskTensors, weight: str, state: dict[str, Any]) -> Restored:
    """Codes, two a byte and the first in the high bits, of a table's numbers scaled by block."""
    beside(disk, weight, weight, f"{weight}.absmax", f"{weight}.quant_map")
    (out, inner), size = state["shape"], state["blocksize"]
    blocks = -(-out * inner // size)
    if disk.shape(f"{weight}.absmax") != (blocks,) or disk.shape(f"{weight}.quant_map") != (16,):
        raise unfit(disk, weight, "Its blocks have another number than its shape implies.")
    nested = {"nested_blocksize", "nested_offset"} <= state.keys()
    if size % 2 or not (nested or disk.stored(f"{weight}.absmax").startswith(("F", "BF"))):
        raise unfit(disk, weight, "Its state does not say how its blocks are scaled.")

    def rows(index: Positions | None) -> Tensor:
        # They may be stored as numbers of any type, to be split among GPUs as that type is.
        codes = disk.raw(weight).reshape(-1).view(torch.uint8)
        if len(codes) * 2 < out * inner:
            raise unfit(disk, weight, "It has fewer numbers than its shape implies.")
        codes = _padded(codes, blocks * size // 2).view(blocks, size // 2)
        scales = _scales(disk, weight, state)
        aligned = index is not None and inner % size == 0
        if aligned:
            codes = codes.view(out, -1, size // 2)[index].flatten(0, 1)
            scales = scales.view(out, -1)[index].flatten()
        found = _numbers(codes, disk.raw(f"{weight}.quant_map").float(), scales)
        found = found[: found.numel() // inner * inner if aligned else out * inner].view(-1, inner)
        return found if aligned or index is None else found[index]

    return Restored((out, inner), rows)


def _numbers(codes: Tensor, table: Tensor, scales: Tensor) -> Tensor:
    """float32 [n], of codes uint8 [blocks, size / 2] and one scale a block."""
    byte = torch.arange(256)
    pairs = torch.stack([table[byte >> 4], table[byte & 15]], dim=1)
    result = torch.empty(len(codes), codes.shape[1] * 2)
    for start in range(0, len(codes), _BLOCKS):
        part = slice(start, start + _BLOCKS)
        result[part] = pairs[codes[part].long()].flatten(1) * scales[part, None]
    return result.flatten()


def _padded(codes: Tensor, length: int) -> Tensor:
    """The last block may be cut off."""
    return torch.nn.functional.pad(codes, (0, max(0, length - len(codes))))[:length]


def _scales(disk: DiskTensors, weight: str, state: dict[str, Any]) -> Tensor:
    """The largest number of each block, float32 [blocks]; it may be quantised itself."""
    stored = disk.raw(f"{weight}.absmax")
    if stored.is_floating_point():
        return stored.float()
    beside(disk, weight, f"{weight}.nested_absmax", f"{weight}.nested_quant_map")
    table = disk.raw(f"{weight}.nested_quant_map").float()
    largest = disk.raw(f"{weight}.nested_absmax").float()
    block = torch.arange(len(stored)) // int(state["nested_blocksize"])
    return table[stored.long()] * largest[block] + float(state["nested_offset"])


def _eight_bits(disk: DiskTensors, module: str) -> Restored:
    """Whole numbers, 127 of which make the largest number of their row."""
    weight, largest, layout = f"{module}weight", f"{module}SCB", f"{module}weight_format"
    beside(disk, weight, weight)
    shape = disk.shape(weight)
    if layout in disk and int(disk.raw(layout)) != 0:
        raise unfit(disk, weight, "Its numbers are in the order of a GPU's kernel.")
    if disk.stored(weight) != "I8" or len(shape) != 2 or disk.shape(largest) != shape[:1]:
        raise unfit(disk, weight, "Its tensors do not fit each other.")

    def some(index: Positions) -> Tensor:
        scales = disk.raw(largest, index).float() / 127
        return disk.raw(weight, index) * scales[:, None]

    return Restored(shape, lambda index: in_portions(shape, index, some))
