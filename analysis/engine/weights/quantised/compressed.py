"""Weights stored by compressed-tensors, in each of its formats by what lies beside a weight."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.engine.weights.quantised.packed import pack_quantized, words_for
from analysis.engine.weights.quantised.scaled import EIGHT_BITS, fp4_packed, scaled
from analysis.engine.weights.quantised.source import Restored, Weights, unfit
from analysis.engine.weights.tensors import DiskTensors
from analysis.models.quantisation import Quantisation

_SCALE = ".weight_scale"


def weights(disk: DiskTensors, how: Quantisation) -> Weights:
    """Every weight that has a scale: packed, or in a type of 8 bits."""
    for name in disk.names():
        if name.endswith(_SCALE):
            module = name.removesuffix(_SCALE) + "."
            yield f"{module}weight", _restored(disk, module, how)


def _restored(disk: DiskTensors, module: str, how: Quantisation) -> Restored:
    weight, packed = f"{module}weight", f"{module}weight_packed"
    if packed in disk and disk.stored(packed) == "U8":
        return fp4_packed(disk, module)
    if packed in disk:
        return pack_quantized(disk, module, _bits(disk, module, how))
    if weight not in disk or disk.stored(weight) not in EIGHT_BITS:
        raise unfit(disk, weight, "It is rounded only while the model runs, not in the files.")
    sizes = list(_sizes(disk.shape(weight), how))
    return scaled(disk, weight, f"{weight}_scale", sizes, f"{weight}_zero_point")


def _bits(disk: DiskTensors, module: str, how: Quantisation) -> int:
    """The number of bits among those of the settings that the shapes allow."""
    weight = f"{module}weight"
    inner = int(disk.raw(f"{weight}_shape")[1]) if f"{weight}_shape" in disk else 0
    words = disk.shape(f"{weight}_packed")[1]
    fitting = [
        bits
        for bits in range(1, 9)
        if bits in how.group_settings("num_bits")
        and words in {words_for(inner, bits, spilling=each) for each in (True, False)}
    ]
    if len(fitting) != 1:
        raise unfit(disk, weight, f"{inner} inputs in {words} words have no known number of bits.")
    return fitting[0]


def _sizes(shape: tuple[int, ...], how: Quantisation) -> Iterator[tuple[int, ...]]:
    """The sizes of a block in the settings; without one, scales are for rows or the whole."""
    yield shape
    for block in how.group_settings("block_structure"):
        if isinstance(block, list):
            yield tuple(block)
    for group in how.group_settings("group_size"):
        if isinstance(group, int) and group > 0:
            yield 1, group
