"""One layer of both models, made ready so that any of its heads is compared in a millisecond.

`head_changes.compare_head` walks through all pairs of a head in plain Python, thousands in a large
model. Only those that are among the first of either model matter to it: they are picked here.
"""

from __future__ import annotations

import sys

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.heads.changes import TOP_PAIRS, HeadComparison, compare_head
from analysis.heads.result import HeadPairs

Both = tuple[HeadPairs, HeadPairs]


class HeadLayer:
    """The heads of a layer in the base and the tuned model.

    Attributes:
        number: The layer, from 0.
        both: What the two models answered.
        change: float64 [H], 1 - M.
    """

    def __init__(self, base: HeadPairs, tuned: HeadPairs) -> None:
        """Args: the layer in both models. Takes its time: a large layer some tenths of a second."""
        # Layers and models name the same words: one copy of each is enough.
        self.both: Both = (_interned(base), _interned(tuned))
        self.number = base.layer
        numbers: dict[str, int] = {}
        self._folded = [
            np.array([numbers.setdefault(w.casefold(), len(numbers)) for w in each.words], np.int64)
            for each in self.both
        ]
        self._words = len(numbers)
        self.change: NDArray[np.float64] = np.array(
            [self.compare(head).change for head in range(base.heads)]
        )

    def compare(self, head: int) -> HeadComparison:
        """A head in both models, as `head_changes.compare_head` gives it."""
        keys = [self._keys(side, head) for side in (0, 1)]
        first = np.concatenate([_first(each) for each in keys])
        base, tuned = (self._picked(side, head, np.isin(keys[side], first)) for side in (0, 1))
        return compare_head(base, tuned, 0)

    def _keys(self, side: int, head: int) -> NDArray[np.int64]:
        """A number for each pair of a head, the same for either order and any case; int64 [P]."""
        pairs, folded = self.both[side], self._folded[side]
        part = slice(*pairs.starts[head : head + 2].tolist())
        a, b = folded[pairs.first[part]], folded[pairs.second[part]]
        return np.minimum(a, b) * self._words + np.maximum(a, b)

    def _picked(self, side: int, head: int, picked: NDArray[np.bool_]) -> HeadPairs:
        """A layer of one head with some of its pairs."""
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
    """The first different keys, in their order."""
    _, places = np.unique(keys, return_index=True)
    return keys[np.sort(places)[:TOP_PAIRS]]


def _interned(pairs: HeadPairs) -> HeadPairs:
    return msgspec.structs.replace(pairs, words=tuple(map(sys.intern, pairs.words)))
