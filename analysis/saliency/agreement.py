"""How far two maps of the same prompt and response agree (METHODS 1, occlusion).

The gradient is the linearisation of occlusion; float16 passes approximate float32 ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.saliency.correlations import correlations, pearson, spearman
from analysis.saliency.map import SaliencyMap
from analysis.table import Cell, Table

COLUMNS = (
    "response_index",
    "response_token",
    "pearson",
    "spearman",
    "equal_scores",
    "scores_within_one",
)


@dataclass(frozen=True, eq=False)
class Agreement:
    """Two maps, cell by cell, over the visible prompt tokens.

    Per response token the correlations are of the importance as it is. Over the whole map every
    column is first divided by its largest absolute entry, much as the score does: a gradient of
    log p and a difference of p have another scale in every column.

    Attributes:
        first: A map with importance, complete.
        second: Another of the same prompt and response tokens.
    """

    first: SaliencyMap
    second: SaliencyMap

    def __post_init__(self) -> None:
        """Refuses maps of different tokens, or without importance."""
        for name in ("prompt_tokens", "response_tokens"):
            if getattr(self.first, name).ids != getattr(self.second, name).ids:
                raise ValueError(f"the maps have different {name}")
        if self.first.importance is None or self.second.importance is None:
            raise ValueError("a map without importance cannot be compared")

    @cached_property
    def _values(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        visible = self.first.visible
        first, second = self.first.importance, self.second.importance
        assert first is not None
        assert second is not None
        return first[visible].astype(np.float64), second[visible].astype(np.float64)

    def pearson(self, column: int) -> float | None:
        """Pearson correlation in a response token's column; None where a side does not vary."""
        first, second = self._values
        return pearson(first[:, column], second[:, column])

    def spearman(self, column: int) -> float | None:
        """Spearman's rank correlation in a column; None where a side does not vary."""
        first, second = self._values
        return spearman(first[:, column], second[:, column])

    @cached_property
    def overall(self) -> tuple[float | None, float | None]:
        """Pearson and Spearman correlation over all columns, each scaled by its largest entry."""
        return correlations(*self._values)

    @cached_property
    def difference(self) -> NDArray[np.int16]:
        """int16 [N, M]: first score minus second score."""
        return self.first.scores.astype(np.int16) - self.second.scores.astype(np.int16)

    def within(self, distance: int, column: int | None = None) -> float:
        """Share of visible cells, 0..1, whose scores differ by at most `distance`."""
        cells = self.difference[self.first.visible]
        near = np.abs(cells if column is None else cells[:, column]) <= distance
        return float(near.mean()) if near.size else 1.0

    def table(self) -> Table:
        """One row a response token, then one over all of them without index and token."""
        return Table(COLUMNS, _Rows(self))


@dataclass(frozen=True)
class _Rows:
    agreement: Agreement

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        """Rows by response token."""
        of = self.agreement
        for m, token in enumerate(of.first.response_tokens.texts):
            yield m, token, of.pearson(m), of.spearman(m), of.within(0, m), of.within(1, m)
        yield (None, None, *of.overall, of.within(0), of.within(1))
