"""One layer of both models, prepared so that any head is compared in a millisecond.

What a list says of its heads, and the words that they relate, are counted once, at the beginning.
`head_changes.compare_head` loops over all word pairs of a head in plain Python, thousands in a
large model. It only needs those among the first of either model, which are selected here.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.heads.changes import TOP_PAIRS, HeadComparison, WordPairChange, compare_head
from analysis.heads.result import HeadPairs
from analysis.heads.word_counts import WordCounts

Both = tuple[HeadPairs, HeadPairs]

_FEW = 12
"""As many word pairs of a head stand in a list, if there is room."""


@dataclass(frozen=True)
class HeadSummary:
    """A head in a list: how much it changed, and by what.

    Attributes:
        layer: From 0.
        head: From 0.
        change: 1 - M, 0 to 1.
        kept: How many of its first word pairs tuning kept.
        gained: Those that were found by most neuron pairs.
        lost: The same of those that tuning took away.
        counts: How many it gained and lost in all.
    """

    layer: int
    head: int
    change: float
    kept: int
    gained: tuple[WordPairChange, ...]
    lost: tuple[WordPairChange, ...]
    counts: tuple[int, int]

    @property
    def place(self) -> tuple[int, int]:
        """Layer and head."""
        return self.layer, self.head


class HeadLayer:
    """The heads of a layer in the base and the tuned model.

    Attributes:
        change: 1 - M of each head, float64 [H].
        summaries: What a list says of each head.
        words: How many of the heads relate each word.
        known: The words of all their pairs, case-folded.
    """

    def __init__(self, base: HeadPairs, tuned: HeadPairs) -> None:
        """Args: the layer in both models. A large layer takes some tenths of a second."""
        # Layers and models share words: keep one copy of each.
        self.both: Both = (_interned(base), _interned(tuned))
        self.number = base.layer
        numbers: dict[str, int] = {}
        self._folded = [
            np.array([numbers.setdefault(w.casefold(), len(numbers)) for w in each.words], np.int64)
            for each in self.both
        ]
        self._words, self.known = len(numbers), frozenset(numbers)
        self.words = WordCounts()
        self.summaries = tuple(self._summary(head) for head in range(base.heads))
        self.change: NDArray[np.float64] = np.array([each.change for each in self.summaries])

    def _summary(self, head: int) -> HeadSummary:
        found = self.compare(head)
        self.words.add(found)
        gained, lost = found.of("gained"), found.of("lost")
        return HeadSummary(
            layer=self.number,
            head=head,
            change=found.change,
            kept=len(found.of("kept")),
            gained=gained[:_FEW],
            lost=lost[:_FEW],
            counts=(len(gained), len(lost)),
        )

    def compare(self, head: int) -> HeadComparison:
        """A head in both models, with the result of `head_changes.compare_head`."""
        keys = [self._keys(side, head) for side in (0, 1)]
        first = np.concatenate([_first(each) for each in keys])
        base, tuned = (self._picked(side, head, np.isin(keys[side], first)) for side in (0, 1))
        return compare_head(base, tuned, 0)

    def _keys(self, side: int, head: int) -> NDArray[np.int64]:
        """A number per word pair of a head, ignoring order and case; int64 [P]."""
        pairs, folded = self.both[side], self._folded[side]
        part = slice(*pairs.starts[head : head + 2].tolist())
        a, b = folded[pairs.first[part]], folded[pairs.second[part]]
        return np.minimum(a, b) * self._words + np.maximum(a, b)

    def _picked(self, side: int, head: int, picked: NDArray[np.bool_]) -> HeadPairs:
        """A layer of one head with some of its word pairs."""
        pairs = self.both[side]
        places = int(pairs.starts[head]) + np.flatnonzero(picked)
        return msgspec.structs.replace(
            pairs,
            heads=1,
            first=pairs.first[places],
            second=pairs.second[places],
            count=pairs.count[places],
            starts=np.array([0, len(places)]),
        )


def _first(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first distinct keys, in order."""
    _, places = np.unique(keys, return_index=True)
    return keys[np.sort(places)[:TOP_PAIRS]]


def _interned(pairs: HeadPairs) -> HeadPairs:
    return msgspec.structs.replace(pairs, words=tuple(map(sys.intern, pairs.words)))
