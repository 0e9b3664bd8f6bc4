"""Tables of word pairs by head, for the Heads view, its exports and the ``heads`` command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.heads.changes import compare_head, head_changes
from analysis.heads.result import HeadPairs
from analysis.table import Cell, Table

PAIR_COLUMNS = (
    "layer",
    "head",
    "rank",
    "word_a",
    "word_b",
    "count_base",
    "count_tuned",
    "status",
)
SUMMARY_COLUMNS = ("layer", "head", "change")


def pairs_table(base: Sequence[HeadPairs], tuned: Sequence[HeadPairs]) -> Table:
    """The first word pairs of every head in either model; see `changes.compare_head`.

    Both models' layers are the same, in the same order.
    """
    return Table(PAIR_COLUMNS, _PairRows(tuple(base), tuple(tuned)))


def summary_table(base: Sequence[HeadPairs], tuned: Sequence[HeadPairs]) -> Table:
    """How much every head changed: 1 − |A ∩ B| / |A ∪ B| of its first word pairs (METHODS 2)."""
    return Table(
        SUMMARY_COLUMNS,
        [
            (before.layer, head, float(change))
            for before, after in zip(base, tuned, strict=True)
            for head, change in enumerate(head_changes(before, after))
        ],
    )


@dataclass(frozen=True)
class _PairRows:
    """The rows, recomputed head by head on every iteration."""

    base: tuple[HeadPairs, ...]
    tuned: tuple[HeadPairs, ...]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        """Rows by layer, head and rank; ranks begin at 1."""
        for before, after in zip(self.base, self.tuned, strict=True):
            for head in range(before.heads):
                for rank, each in enumerate(compare_head(before, after, head).word_pairs, 1):
                    yield (
                        before.layer,
                        head,
                        rank,
                        each.word_a,
                        each.word_b,
                        each.count_base,
                        each.count_tuned,
                        each.status,
                    )
