"""All heads of a pair of models as far as they are computed: changes, pairs, places of a word."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.head_changes import HeadComparison, compare_head, heads_with
from analysis.results import HeadPairs


@dataclass(frozen=True)
class WordPlace:
    """A head that pairs a word, in one model or both.

    Attributes:
        layer: From 0.
        head: From 0.
        partners: The words it goes with, those found by the most neuron pairs first.
        pairs_base: Number of different pairs with the word in the base model's head.
        pairs_tuned: The same in the tuned model's.
    """

    layer: int
    head: int
    partners: tuple[str, ...]
    pairs_base: int
    pairs_tuned: int

    @property
    def difference(self) -> int:
        """Tuned minus base."""
        return self.pairs_tuned - self.pairs_base


class HeadAtlas:
    """What is known of L layers of H heads; holds no widgets.

    Attributes:
        change: float64 [L, H], 1 - M; NaN for layers that are not there yet.
    """

    def __init__(self, layers: int, heads: int) -> None:
        self.change: NDArray[np.float64] = np.full((layers, heads), np.nan)
        self._pairs: dict[int, tuple[HeadPairs, HeadPairs]] = {}
        self._compared = lru_cache(maxsize=256)(self._compare)

    @property
    def layers(self) -> list[int]:
        """The layers that are there, in order."""
        return sorted(self._pairs)

    def of_model(self, side: int) -> list[HeadPairs]:
        """The layers of the base model (0) or the tuned one (1), in order."""
        return [self._pairs[layer][side] for layer in self.layers]

    def add(
        self, layer: int, base: HeadPairs, tuned: HeadPairs, change: NDArray[np.float64]
    ) -> None:
        """Take in a layer of both models and the change of its heads, float64 [H]."""
        # Layers and models name the same words: one copy of each is enough.
        self._pairs[layer] = (_interned(base), _interned(tuned))
        self.change[layer] = change

    def pairs(self, layer: int) -> tuple[HeadPairs, HeadPairs] | None:
        """A layer of both models; None where it is not there yet."""
        return self._pairs.get(layer)

    def head(self, layer: int, head: int) -> HeadComparison | None:
        """A head in both models; None where its layer is not there yet."""
        return self._compared(layer, head) if layer in self._pairs else None

    def _compare(self, layer: int, head: int) -> HeadComparison:
        return compare_head(*self._pairs[layer], head)

    def find(self, word: str) -> list[WordPlace]:
        """The heads that pair a word, whatever its case; where the models differ most first."""
        places = [place for layer in self.layers for place in self._places(layer, word)]
        places.sort(key=lambda place: (-abs(place.difference), place.layer, place.head))
        return places

    def _places(self, layer: int, word: str) -> list[WordPlace]:
        own = word.casefold()
        # Head → for base and tuned model the folded partner → its count.
        found: dict[int, tuple[dict[str, int], dict[str, int]]] = {}
        for side, pairs in enumerate(self._pairs[layer]):
            for head, first, second, count in heads_with(pairs, word):
                partner = (second if first.casefold() == own else first).casefold()
                partners = found.setdefault(head, ({}, {}))[side]
                partners[partner] = max(count, partners.get(partner, 0))
        places = []
        for head, (base, tuned) in found.items():
            most = {each: max(base.get(each, 0), tuned.get(each, 0)) for each in base | tuned}
            partners_by_count = tuple(sorted(most, key=lambda each: (-most[each], each)))
            places.append(WordPlace(layer, head, partners_by_count, len(base), len(tuned)))
        return places


def _interned(pairs: HeadPairs) -> HeadPairs:
    return msgspec.structs.replace(pairs, words=tuple(map(sys.intern, pairs.words)))
