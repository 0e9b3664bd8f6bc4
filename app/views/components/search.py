"""What a search of the Components view means: a neuron by its numbers, or a category."""

from __future__ import annotations

import re

from app.terminal_text import prose
from app.views.components.atlas import ComponentAtlas
from app.views.components.jobs import Place

_NUMBERS = re.compile(r"\d+(?:[\s.,:/]+\d+)*")


def find_component(text: str, atlas: ComponentAtlas) -> Place | int | str:
    """The neuron or the category meant.

    Args:
        text: Layer and neuron, in a mixture with the expert between them; or part of the name of a
            category.
        atlas: With at least one category.

    Returns:
        The place of a neuron, the index of a category, or why there is neither.
    """
    if _NUMBERS.fullmatch(text):
        return _neuron([int(each) for each in re.findall(r"\d+", text)], atlas)
    sought = text.casefold()
    names = [each.casefold() for each in atlas.counted]
    for fits in (str.startswith, str.__contains__):
        for index, name in enumerate(names):
            if fits(name, sought):
                return index
    return f"No category is called “{prose(text)}”, and it is no neuron's number."


def _neuron(numbers: list[int], atlas: ComponentAtlas) -> Place | str:
    layer = numbers[0]
    if layer >= atlas.layers:
        return f"There is no layer {layer}: there are {atlas.layers}, from 0."
    found = atlas.frequencies(0)[0].layers[layer]
    experts = len(found.starts) - 1 if len(found.expert_mean) else 0
    if len(numbers) != (3 if experts else 2):
        wanted = "layer, expert and neuron" if experts else "layer and neuron"
        return f"In layer {layer} a neuron has {wanted} as its numbers."
    expert = numbers[1] if experts else -1
    if experts and expert >= experts:
        return f"Layer {layer} has {experts} experts, from 0."
    width = int(found.starts[max(0, expert) + 1] - found.starts[max(0, expert)])
    if numbers[-1] >= width:
        return f"There is no neuron {numbers[-1]}: there are {width:,}, from 0."
    return layer, expert, numbers[-1]
