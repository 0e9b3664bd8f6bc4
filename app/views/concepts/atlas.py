"""The computed layers of concepts: their rows, and the places of a word."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import numpy as np

from analysis.concepts.changes import component_changes, component_words, mean_angle
from analysis.concepts.result import Components, LayerConcepts
from analysis.table import Table


@dataclass(frozen=True)
class ConceptRow:
    """A base component and its match among the tuned ones, or one without a match (None).

    Components count from 0; `angle` is in degrees, None if one is missing. `kept` words are in the
    base component's order.
    """

    base: int | None
    tuned: int | None
    angle: float | None
    kept: tuple[str, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True)
class WordPlace:
    """A row of a layer's list with a word, in base and tuned component.

    Each side has the word's rank, from 1, and its signed measure; None if the component lacks it.
    """

    layer: int
    row: int
    base: tuple[int, float] | None
    tuned: tuple[int, float] | None


PLACE_COLUMNS = (
    "word",
    "layer",
    "component_base",
    "rank_base",
    "cosine_base",
    "component_tuned",
    "rank_tuned",
    "cosine_tuned",
)


class ConceptAtlas:
    """The layers of one expert, or of a dense model; holds no widgets."""

    def __init__(self) -> None:
        self._layers: dict[int, LayerConcepts] = {}
        self._rows = lru_cache(maxsize=16)(self._make_rows)

    @property
    def layers(self) -> list[LayerConcepts]:
        return [self._layers[number] for number in sorted(self._layers)]

    @property
    def angles(self) -> dict[int, float]:
        """How far the components of each layer turned on average, in degrees, if any match."""
        found = {number: mean_angle(layer) for number, layer in self._layers.items()}
        return {number: angle for number, angle in found.items() if angle is not None}

    def add(self, layer: LayerConcepts) -> None:
        # Layers and models share words: keep one copy of each.
        base, tuned = _interned(layer.base), _interned(layer.tuned)
        self._layers[layer.layer] = msgspec.structs.replace(layer, base=base, tuned=tuned)

    def layer(self, number: int) -> LayerConcepts | None:
        """A layer; None if not computed yet."""
        return self._layers.get(number)

    def rows(self, number: int) -> tuple[ConceptRow, ...]:
        """A layer's rows by the base component's rank; empty if not computed yet."""
        return self._rows(number) if number in self._layers else ()

    def _make_rows(self, number: int) -> tuple[ConceptRow, ...]:
        layer = self._layers[number]
        rows = []
        for change in component_changes(layer):
            lost = set(change.lost)
            words = component_words(layer.base, change.component)
            kept = tuple(word for word in words if word not in lost)
            rows.append(
                ConceptRow(
                    change.component, change.matched, change.angle, kept, change.gained, change.lost
                )
            )
        matched = set(layer.matched.tolist())
        for tuned in range(len(layer.tuned.word_indices)):
            if tuned not in matched:
                words = component_words(layer.tuned, tuned)
                rows.append(ConceptRow(None, tuned, None, (), words, ()))
        return tuple(rows)

    def find(self, word: str) -> list[WordPlace]:
        """The rows with a word, ignoring case, by layer and row."""
        own = word.casefold()
        return [place for number in sorted(self._layers) for place in self._places(number, own)]

    def places_table(self, word: str, places: Sequence[WordPlace]) -> Table:
        """The rows that `find` found for a word, as they are listed."""
        rows = []
        for place in places:
            row = self.rows(place.layer)[place.row]
            base, tuned = (each or (None, None) for each in (place.base, place.tuned))
            rows.append((word, place.layer, row.base, *base, row.tuned, *tuned))
        return Table(PLACE_COLUMNS, rows)

    def _places(self, number: int, own: str) -> Iterator[WordPlace]:
        layer = self._layers[number]
        base, tuned = (dict(_ranks(side, own)) for side in (layer.base, layer.tuned))
        if not base and not tuned:
            return
        for place, row in enumerate(self.rows(number)):
            first = None if row.base is None else base.get(row.base)
            second = None if row.tuned is None else tuned.get(row.tuned)
            if first is not None or second is not None:
                yield WordPlace(number, place, first, second)


def _ranks(side: Components, own: str) -> Iterator[tuple[int, tuple[int, float]]]:
    """The components with a word, each with the best rank and measure."""
    same = [place for place, word in enumerate(side.words) if word.casefold() == own]
    places = np.argwhere(np.isin(side.word_indices, same)).tolist() if same else []
    for component, rank in reversed(places):
        yield component, (rank + 1, float(side.measures[component, rank]))


def _interned(side: Components) -> Components:
    return msgspec.structs.replace(side, words=tuple(map(sys.intern, side.words)))
