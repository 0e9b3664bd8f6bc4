"""One layer of both models, prepared so that any head is compared in a millisecond.

`head_changes.compare_head` loops over all word pairs of a head in plain Python, thousands in a
large model. It only needs those among the first of either model, which are selected here.
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
    """The heads of a layer in the base and the tuned model; `change` is 1 - M, float64 [H]."""

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
        self._words = len(numbers)
        self.change: NDArray[np.float64] = np.array(
            [self.compare(head).change for head in range(base.heads)]
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
