"""The computed heads of a pair of models: changes, word pairs, places of a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from analysis.heads.changes import HeadComparison, heads_with
from analysis.heads.result import HeadPairs
from analysis.heads.word_counts import WordCounts, WordHeads
from analysis.table import Table
from app.views.heads.layer import HeadLayer, HeadSummary


@dataclass(frozen=True)
class WordPlace:
    """A head that pairs a word, in one model or both; layer and head count from 0.

    `partners` are the words paired with it, those with the most neuron pairs first; `pairs_base`
    and `pairs_tuned` count distinct word pairs with it.
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


PLACE_COLUMNS = ("word", "layer", "head", "pairs_base", "pairs_tuned", "difference", "partners")


def places_table(word: str, places: Sequence[WordPlace]) -> Table:
    """The heads that pair a word as they are listed; partners are separated by spaces."""
    return Table(
        PLACE_COLUMNS,
        [
            (
                *(word, each.layer, each.head, each.pairs_base, each.pairs_tuned),
                *(each.difference, " ".join(each.partners)),
            )
            for each in places
        ],
    )


class HeadAtlas:
    """The layers computed so far; holds no widgets.

    Args:
        count: How many layers have heads.
        depth: How many layers there are.

    Attributes:
        ranked: Their heads, those that tuning changed most first.
        words: The words that they relate, the largest differences in their number first.
    """

    def __init__(self, count: int, depth: int) -> None:
        self.count, self.depth = count, depth
        self.ranked: list[HeadSummary] = []
        self.words: list[WordHeads] = []
        self._words = WordCounts()
        self._layers: dict[int, HeadLayer] = {}
        self._compared = lru_cache(maxsize=256)(self._compare)

    @property
    def layers(self) -> list[int]:
        return sorted(self._layers)

    def of_model(self, side: int) -> list[HeadPairs]:
        """The layers of the base (0) or the tuned (1) model, in order."""
        return [self._layers[layer].both[side] for layer in self.layers]

    def add(self, layer: HeadLayer) -> None:
        if layer.number in self._layers:
            return
        self._layers[layer.number] = layer
        heads = [*self.ranked, *layer.summaries]
        self.ranked = sorted(heads, key=lambda each: (-each.change, each.place))
        self._words.add_all(layer.words)
        self.words = self._words.ranked()

    def layer(self, number: int) -> HeadLayer | None:
        return self._layers.get(number)

    def head(self, layer: int, head: int) -> HeadComparison | None:
        """A head in both models; None if not computed yet, or if the layer has no such head."""
        found = self._layers.get(layer)
        return self._compared(layer, head) if found and head < len(found.change) else None

    def _compare(self, layer: int, head: int) -> HeadComparison:
        return self._layers[layer].compare(head)

    def find(self, word: str) -> list[WordPlace]:
        """The heads that pair a word, ignoring case; the largest differences first."""
        own = word.casefold()
        # While a word is typed, hardly any layer has what is there of it.
        layers = [number for number in self.layers if own in self._layers[number].known]
        places = [place for number in layers for place in self._places(number, word)]
        places.sort(key=lambda place: (-abs(place.difference), place.layer, place.head))
        return places

    def _places(self, layer: int, word: str) -> list[WordPlace]:
        own = word.casefold()
        # Head to, for base and tuned model, counts by case-folded partner.
        found: dict[int, tuple[dict[str, int], dict[str, int]]] = {}
        for side, pairs in enumerate(self._layers[layer].both):
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
