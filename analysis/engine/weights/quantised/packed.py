"""Whole numbers packed into 32-bit words: GPTQ, AWQ, and compressed-tensors' ``pack-quantized``.

In all of them a weight is (q - z) · s, with a zero point z and a scale s for every group of inputs.
"""

from __future__ import annotations

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

_WORD = 32
# Where AWQ puts the eight columns of a word, for its kernel's sake: column 1 is the fifth from the
# right, and so on.
_AWQ_PLACES = (0, 4, 1, 5, 2, 6, 3, 7)


def gptq(disk: DiskTensors, how: Quantisation) -> Weights:
    """Every ``qweight``, packed along the inputs."""
    # The first version of the format stores zero points less one.
    kept_less = 0 if _format(how) == "gptq_v2" else 1
    for module in _modules(disk, "qweight"):
        yield f"{module}weight", _gptq(disk, module, kept_less, how.settings.get("sym") is True)


def awq(disk: DiskTensors, how: Quantisation) -> Weights:
    """Every ``qweight``, packed along the outputs."""
    for module in _modules(disk, "qweight"):
        yield f"{module}weight", _awq(disk, module)


def _format(how: Quantisation) -> str:
    return str(how.settings.get("checkpoint_format") or how.settings.get("format") or "gptq")


def _modules(disk: DiskTensors, ending: str) -> list[str]:
    return [name.removesuffix(ending) for name in disk.names() if name.endswith(f".{ending}")]


def _gptq(disk: DiskTensors, module: str, kept_less: int, symmetric: bool) -> Restored:
    weight, order = f"{module}weight", f"{module}g_idx"
    names = qweight, qzeros, scales = [
        f"{module}{each}" for each in ("qweight", "qzeros", "scales")
    ]
    beside(disk, weight, *names)
    groups, out = disk.shape(scales)
    # Each module may have its own number of bits, which the shapes tell.
    bits = disk.shape(qzeros)[1] * _WORD // out
    inner = disk.shape(qweight)[0] * _WORD // max(1, bits)
    whole = [disk.stored(name) for name in (qweight, qzeros)] == ["I32", "I32"]
    fits = disk.shape(qzeros)[0] == groups and disk.shape(qweight)[1] == out and inner >= groups > 0
    if not whole or not fits or bits not in (2, 3, 4, 8):
        raise unfit(disk, weight, "Its tensors do not fit each other.")
    if order in disk and disk.shape(order) != (inner,):
        raise unfit(disk, weight, "The order of its inputs has another length.")

    def rows(index: Positions | None) -> Tensor:
        group = _groups(disk, order, inner, groups)
        if int(group.max()) >= groups or int(group.min()) < 0:
            raise unfit(disk, weight, f"The order of its inputs names no group of the {groups}.")
        words = disk.raw(qweight)
        zeros, scale = _zero_points(disk.raw(qzeros), bits, out, kept_less), disk.raw(scales)
        scale = scale.float().T
        # In 3 bits, some versions of GPTQModel took off another number than 1.
        if (symmetric or (bits == 3 and kept_less)) and bool((zeros != 1 << (bits - 1)).any()):
            raise unfit(
                disk,
                weight,
                "Its zero points are not in the middle, as they are in symmetric quantisation."
                if symmetric
                else "Zero points of 3 bits have been stored in several ways in this format.",
            )

        def some(index: Positions) -> Tensor:
            numbers = unpacked(words[:, index], bits, inner).T
            return (numbers - zeros[index][:, group]) * scale[index][:, group]

        return in_portions((out, inner), index, some)

    return Restored((out, inner), rows)


def _zero_points(words: Tensor, bits: int, out: int, kept_less: int) -> Tensor:
    """Zero points int32 [out, groups], stored less by 0 or 1.

    Where no number runs on into the next word, 1 was taken off all numbers of a word at once: a
    zero point of 0 borrowed from the next, and gets it back in the same way.
    """
    if _WORD % bits:
        return (unpacked(words.T, bits, out) + kept_less) & ((1 << bits) - 1)
    ones = torch.tensor(kept_less * sum(1 << bit for bit in range(0, _WORD, bits)))
    return unpacked((words + ones.to(torch.int32)).T, bits, out)


def _awq(disk: DiskTensors, module: str) -> Restored:
    weight = f"{module}weight"
    names = qweight, qzeros, scales = [
        f"{module}{each}" for each in ("qweight", "qzeros", "scales")
    ]
    beside(disk, weight, *names)
    groups, out = disk.shape(scales)
    inner, words = disk.shape(qweight)
    whole = [disk.stored(name) for name in (qweight, qzeros)] == ["I32", "I32"]
    if not whole or words * 8 != out or disk.shape(qzeros) != (groups, words) or inner % groups:
        raise unfit(disk, weight, "Its tensors do not fit each other.")

    def rows(index: Positions | None) -> Tensor:
        numbers, zeros, scale = disk.raw(qweight), disk.raw(qzeros), disk.raw(scales).float()

        def some(index: Positions) -> Tensor:
            columns = torch.from_numpy(index)
            q, z = (_awq_columns(each, columns) for each in (numbers, zeros))
            each_input = inner // groups
            z, s = (part.repeat_interleave(each_input, 0) for part in (z, scale[:, columns]))
            return ((q - z) * s).T

        return in_portions((out, inner), index, some)

    return Restored((out, inner), rows)


def _awq_columns(words: Tensor, columns: Tensor) -> Tensor:
    shifts = torch.tensor(_AWQ_PLACES, dtype=torch.int32)[columns % 8] * 4
    return (words[:, columns // 8] >> shifts) & 15


def pack_quantized(disk: DiskTensors, module: str, bits: int) -> Restored:
    """A ``weight_packed`` of compressed-tensors: [out, in] packed along the inputs.

    Its numbers are stored without a sign, 2^(bits - 1) more than they are. Older versions let no
    number run on into the next word, which the count of words tells.
    """
    weight = f"{module}weight"
    packed, shape, scales, zeros, order = (
        f"{weight}_{each}" for each in ("packed", "shape", "scale", "zero_point", "g_idx")
    )
    beside(disk, weight, packed, shape, scales)
    out, inner = (int(each) for each in disk.raw(shape).flatten().tolist())
    scale_shape = disk.shape(scales)
    groups = scale_shape[1] if len(scale_shape) == 2 else 1
    offset, spilling = 1 << (bits - 1), disk.shape(packed)[1] == words_for(inner, bits)
    words = words_for(inner, bits, spilling=spilling)
    fits = disk.shape(packed) == (out, words) and scale_shape[0] in (1, out)
    if not fits or inner < groups or (inner % groups and order not in disk):
        raise unfit(disk, weight, "Its tensors do not fit each other.")

    def rows(index: Positions | None) -> Tensor:
        group = _groups(disk, order, inner, groups)
        scale = disk.raw(scales).float().reshape(-1, groups).expand(out, groups)
        zero = torch.zeros(out, groups, dtype=torch.int32)
        if zeros in disk:
            zero = disk.raw(zeros)
            if disk.stored(zeros) == "I32":
                zero = unpacked(zero, bits, out, spilling=spilling) - offset
            zero = zero.to(torch.int32).reshape(-1, groups).expand(out, groups)

        def some(index: Positions) -> Tensor:
            numbers = unpacked(disk.raw(packed, index).T, bits, inner, spilling=spilling).T - offset
            return (numbers - zero[index][:, group]) * scale[index][:, group]

        return in_portions((out, inner), index, some)

    return Restored((out, inner), rows)


def _groups(disk: DiskTensors, order: str, inner: int, groups: int) -> Tensor:
    """Which group each input belongs to, int64 [in]: stored, or one after the other."""
    stored = disk.raw(order).long() if order in disk else None
    if stored is not None and bool((stored >= 0).all()):
        return stored
    return torch.arange(inner) // -(-inner // groups)


def words_for(count: int, bits: int, *, spilling: bool = True) -> int:
    """How many words hold `count` numbers of some bits; see `unpacked`."""
    return -(-count * bits // _WORD) if spilling else -(-count // (_WORD // bits))


def unpacked(words: Tensor, bits: int, count: int, *, spilling: bool = True) -> Tensor:
    """Numbers of a few bits from 32-bit words, the first in the lowest bits.

    Args:
        words: int32 [w, c].
        bits: Of each number.
        count: How many there are.
        spilling: A number may continue in the next word; otherwise no word has a part of one.

    Returns:
        int32 [count, c], none negative.
    """
    position = torch.arange(count)
    a_word = _WORD // bits
    if _WORD % bits == 0 or not spilling:
        shifts = (position % a_word * bits).to(torch.int32)[:, None]
        return (words[position // a_word] >> shifts) & ((1 << bits) - 1)
    word, shifts = position * bits // _WORD, position * bits % _WORD
    unsigned = words.long() & 0xFFFFFFFF
    both = unsigned[word] | unsigned[(word + 1).clamp(max=len(words) - 1)] << _WORD
    return ((both >> shifts[:, None]) & ((1 << bits) - 1)).to(torch.int32)
