"""Quantised checkpoints as their tools write them, packed one number at a time by plain loops.

Each packer makes the tensors of one weight, out of random whole numbers, zero points and scales,
and says which weight they stand for.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

Packed = tuple[dict[str, Tensor], Tensor]
"""The tensors beside a module's name, and the weight float32 [out, in] that they stand for."""

Packer = Callable[[Tensor, random.Random], Packed]


def words(values: list[int], bits: int) -> list[int]:
    """Numbers of some bits, one after the other from the lowest bit on, cut into words of 32."""
    stream = sum(value << (place * bits) for place, value in enumerate(values))
    count = -(-len(values) * bits // 32)
    return [_signed(stream >> (32 * place) & 0xFFFFFFFF) for place in range(count)]


def _signed(word: int) -> int:
    return word - (1 << 32) if word >= 1 << 31 else word


def _columns(lists: list[list[int]]) -> Tensor:
    """int32, of which each list is a column."""
    return torch.tensor(lists, dtype=torch.int32).T.contiguous()


def _scales(chance: random.Random, groups: int, out: int) -> Tensor:
    return torch.tensor(
        [[chance.uniform(0.01, 0.1) for _ in range(out)] for _ in range(groups)]
    ).half()


def gptq(
    bits: int, *, less: int, shuffled: bool = False, middle: bool = False, group: int = 16
) -> Packer:
    """GPTQ's packing along the inputs.

    `less`: what zero points are stored less by; `middle`: they are in the middle of the range.
    """

    def pack(weight: Tensor, chance: random.Random) -> Packed:
        out, inner = weight.shape
        groups, most = inner // group, 2**bits - 1
        order = [place // group for place in range(inner)]
        if shuffled:
            chance.shuffle(order)
        numbers = [[chance.randint(0, most) for _ in range(inner)] for _ in range(out)]
        # 0 is among them: the first version stores it by borrowing from the number above it.
        zeros = [[chance.randint(0, most) for _ in range(out)] for _ in range(groups)]
        if middle:
            zeros = [[2 ** (bits - 1)] * out] * groups
        scales = _scales(chance, groups, out)
        stands_for = [
            [
                (numbers[o][i] - zeros[order[i]][o]) * float(scales[order[i], o])
                for i in range(inner)
            ]
            for o in range(out)
        ]
        stored = []
        for row in zeros:
            if 32 % bits:
                stored.append(words([(zero - less) % 2**bits for zero in row], bits))
                continue
            ones = words([less] * out, bits)
            differences = (word - one for word, one in zip(words(row, bits), ones, strict=True))
            stored.append([_signed(each & 0xFFFFFFFF) for each in differences])
        return {
            "qweight": _columns([words(row, bits) for row in numbers]),
            "qzeros": torch.tensor(stored, dtype=torch.int32),
            "scales": scales,
            "g_idx": torch.tensor(order, dtype=torch.int32),
        }, torch.tensor(stands_for)

    return pack


def awq(weight: Tensor, chance: random.Random, *, group: int = 16) -> Packed:
    """AWQ's packing along the outputs, in the order of its matrix product."""
    out, inner = weight.shape
    groups = inner // group
    numbers = [[chance.randint(0, 15) for _ in range(out)] for _ in range(inner)]
    zeros = [[chance.randint(0, 15) for _ in range(out)] for _ in range(groups)]
    scales = _scales(chance, groups, out)

    def packed(row: list[int]) -> list[int]:
        order = (0, 2, 4, 6, 1, 3, 5, 7)
        return [words([row[start + place] for place in order], 4)[0] for start in range(0, out, 8)]

    stands_for = [
        [
            (numbers[i][o] - zeros[i // group][o]) * float(scales[i // group, o])
            for i in range(inner)
        ]
        for o in range(out)
    ]
    return {
        "qweight": torch.tensor([packed(row) for row in numbers], dtype=torch.int32),
        "qzeros": torch.tensor([packed(row) for row in zeros], dtype=torch.int32),
        "scales": scales,
    }, torch.tensor(stands_for)


def fp8(
    rows: int, columns: int, name: str = "weight_scale_inv", *, exponents: bool = False
) -> Packer:
    """FP8 with a scale for every block, 0 meaning one block in that direction."""

    def pack(weight: Tensor, chance: random.Random) -> Packed:
        out, inner = weight.shape
        high, wide = rows or out, columns or inner
        small = (weight / weight.abs().max() * 400).to(torch.float8_e4m3fn)
        shape = -(-out // high), -(-inner // wide)
        powers = [[chance.randint(-12, -4) for _ in range(shape[1])] for _ in range(shape[0])]
        sizes = [[2.0**each * (1 if exponents else 1.25) for each in row] for row in powers]
        stands_for = [
            [float(small[o, i].float()) * sizes[o // high][i // wide] for i in range(inner)]
            for o in range(out)
        ]
        scale = torch.tensor(sizes)
        if exponents:
            scale = torch.tensor([[each + 127 for each in row] for row in powers]).to(torch.uint8)
        if rows == columns == 0:
            scale = scale.reshape(())
        return {"weight": small, name: scale}, torch.tensor(stands_for)

    return pack


def mxfp4(shape: tuple[int, int, int], chance: random.Random) -> Packed:
    """gpt-oss's experts: bytes of two numbers and scales, for [experts, in, out]."""
    numbers = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
    experts, inner, out = shape
    blocks = torch.zeros(experts, out, inner // 32, 16, dtype=torch.uint8)
    scales = torch.zeros(experts, out, inner // 32, dtype=torch.uint8)
    stands_for = torch.zeros(shape)
    for e in range(experts):
        for o in range(out):
            for g in range(inner // 32):
                scales[e, o, g] = power = chance.randint(118, 126)
                for place in range(32):
                    code = chance.randint(0, 15)
                    blocks[e, o, g, place // 2] |= code << (4 * (place % 2))
                    sign = -1 if code & 8 else 1
                    value = sign * numbers[code & 7] * 2.0 ** (power - 127)
                    stands_for[e, g * 32 + place, o] = value
    return {"blocks": blocks, "scales": scales}, stands_for


def quantise(folder: Path, pack: Packer, settings: dict[str, Any]) -> dict[str, Tensor]:
    """Replace the linear layers in a plain folder's blocks by packed ones.

    Returns:
        The weights they stand for, under their plain names.
    """
    chance = random.Random(0)
    tensors, expected = load_file(folder / "model.safetensors"), {}
    for name in [each for each in tensors if each.endswith("_proj.weight")]:
        packed, expected[name] = pack(tensors.pop(name), chance)
        module = name.removesuffix("weight")
        tensors |= {f"{module}{beside}": values for beside, values in packed.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = settings
    (folder / "config.json").write_text(json.dumps(config))
    return expected
