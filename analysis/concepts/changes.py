"""The words that a layer's components gained and lost by tuning (METHODS 3). Needs only numpy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.concepts.result import Components, LayerConcepts


@dataclass(frozen=True)
class ComponentChange:
    """How tuning changed one base component; words are best first.

    `matched` is the tuned component, None if there is none; `rank_change` how many ranks it fell
    (negative: rose); `angle` is in degrees, 0 to 90. Components count from 0.
    """

    component: int
    matched: int | None
    rank_change: int | None
    angle: float | None
    gained: tuple[str, ...]
    lost: tuple[str, ...]


def component_words(components: Components, component: int) -> tuple[str, ...]:
    """The words of one component, best first."""
    return tuple(components.words[each] for each in components.word_indices[component])


def component_changes(layer: LayerConcepts) -> Iterator[ComponentChange]:
    """How tuning changed each base component, by rank."""
    for component, partner in enumerate(layer.matched.tolist()):
        before = component_words(layer.base, component)
        if partner < 0:
            yield ComponentChange(component, None, None, None, (), before)
            continue
        after = component_words(layer.tuned, partner)
        yield ComponentChange(
            component=component,
            matched=partner,
            rank_change=partner - component,
            angle=float(layer.angles[component]),
            gained=_without(after, before),
            lost=_without(before, after),
        )


@dataclass(frozen=True)
class LayerWords:
    """The words of all components of a layer, each once, by rank of the component.

    `kept` words are in both models' components, in the base model's order.
    """

    kept: tuple[str, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]


def layer_words(layer: LayerConcepts) -> LayerWords:
    """The words that a layer's components gained and lost by tuning."""
    before, after = _all_words(layer.base), _all_words(layer.tuned)
    lost = _without(before, after)
    return LayerWords(_without(before, lost), _without(after, before), lost)


def mean_angle(layer: LayerConcepts) -> float | None:
    """Mean angle of the matched components in degrees; None if there are none."""
    angles = layer.angles[layer.matched >= 0]
    return float(np.mean(angles)) if len(angles) else None


def _all_words(components: Components) -> tuple[str, ...]:
    """Every word once, ordered by the first component that has it."""
    return tuple(dict.fromkeys(components.words[each] for each in components.word_indices.ravel()))


def _without(words: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    known = set(others)
    return tuple(word for word in words if word not in known)
