"""Word pairs of a layer's heads, written by hand."""

from __future__ import annotations

import numpy as np

from analysis.heads.result import HeadPairs


def head_pairs(*heads: dict[str, int], layer: int = 0) -> HeadPairs:
    """A layer from the pairs of its heads, each a dictionary "a=b" → count."""
    rows = [(*pair.split("="), count) for head in heads for pair, count in head.items()]
    words = tuple(dict.fromkeys(word for row in rows for word in row[:2]))
    first, second = ([words.index(row[side]) for row in rows] for side in (0, 1))
    return HeadPairs(
        model="model",
        layer=layer,
        heads=len(heads),
        words=words,
        first=np.array(first, dtype=np.int32),
        second=np.array(second, dtype=np.int32),
        count=np.array([row[2] for row in rows], dtype=np.int32),
        starts=np.cumsum([0, *(len(head) for head in heads)], dtype=np.int64),
        neuron_pairs=8,
        vocabulary=100,
        notes=(),
        seconds=0.0,
    )
