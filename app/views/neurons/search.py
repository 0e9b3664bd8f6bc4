"""The meaning of a search in the Neurons view: neuron, expert, category or word."""

from __future__ import annotations

import re
from dataclasses import dataclass

from analysis.neurons.gather import Place
from app.views.neurons.atlas import UnitAtlas

_NUMBERS = re.compile(r"\d+(?:[\s.,:/]+\d+)*")


Expert = tuple[int, int]
"""Layer and expert."""


@dataclass(frozen=True)
class Word:
    """A word that neurons may write."""

    text: str


def find_unit(text: str, atlas: UnitAtlas) -> Place | Expert | int | Word | str:
    """The neuron, expert, category or word that a search means, or what is wrong with its numbers.

    The text is layer and neuron (in a mixture layer: layer and expert, optionally a neuron), the
    beginning of a category's name, or a word. The atlas has at least one category.
    """
    if _NUMBERS.fullmatch(text):
        return _neuron([int(each) for each in re.findall(r"\d+", text)], atlas)
    sought = text.casefold()
    for index, name in enumerate(atlas.counted):
        # The beginning of any word in the name counts.
        if f" {name.casefold()}".find(f" {sought}") >= 0:
            return index
    return Word(text)


def _neuron(numbers: list[int], atlas: UnitAtlas) -> Place | Expert | str:
    layer = numbers[0]
    if layer >= atlas.layers:
        return f"There is no layer {layer}: there are {atlas.layers}, from 0."
    found = atlas.frequencies(0)[0].layers[layer]
    experts = len(found.starts) - 1 if len(found.expert_mean) else 0
    if len(numbers) not in ((2, 3) if experts else (2,)):
        wanted = "layer, expert and neuron" if experts else "layer and neuron"
        return f"In layer {layer} a neuron has {wanted} as its numbers."
    expert = numbers[1] if experts else -1
    if experts and expert >= experts:
        return f"Layer {layer} has {experts} experts, from 0."
    if experts and len(numbers) == 2:
        return layer, expert
    width = int(found.starts[max(0, expert) + 1] - found.starts[max(0, expert)])
    if numbers[-1] >= width:
        return f"There is no neuron {numbers[-1]}: there are {width:,}, from 0."
    return layer, expert, numbers[-1]
