"""Tables of word pairs by head, for the Heads view, its exports and the ``heads`` command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.heads.changes import TOP_PAIRS, Status, compare_head, neuron_changes
from analysis.heads.result import HeadPairs, NeuronPairs
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
SUMMARY_COLUMNS = (
    "layer",
    "head",
    "change",
    "pairs_base",
    "pairs_tuned",
    "kept",
    "gained",
    "lost",
)
NEURON_COLUMNS = ("layer", "head", "neuron_pair", "model", "rank", "word_a", "word_b", "score")
NEURON_CHANGE_COLUMNS = ("layer", "head", "neuron_pair", "change", "pairs_base", "pairs_tuned")


def pairs_table(
    base: Sequence[HeadPairs], tuned: Sequence[HeadPairs], top: int = TOP_PAIRS
) -> Table:
    """The first `top` word pairs of every head in either model; see `changes.compare_head`.

    Both models' layers are the same, in the same order.
    """
    return Table(PAIR_COLUMNS, _PairRows(tuple(base), tuple(tuned), top))


def neuron_pairs_table(models: Sequence[NeuronPairs], neuron: int | None = None) -> Table:
    """Every word pair of a head's neuron pairs, or of one of them, by falling q · k.

    Args:
        models: The head in one model or several.
        neuron: From 0; None for all.

    Raises:
        IndexError: A head has no such neuron pair.
    """
    return Table(
        NEURON_COLUMNS,
        [
            (
                head.layer,
                head.head,
                number,
                head.model,
                rank,
                head.words[head.first[place]],
                head.words[head.second[place]],
                float(head.score[place]),
            )
            for head in models
            for number in (range(len(head.starts) - 1) if neuron is None else (neuron,))
            for rank, place in enumerate(range(head.starts[number], head.starts[number + 1]), 1)
        ],
    )


def summary_table(
    base: Sequence[HeadPairs], tuned: Sequence[HeadPairs], top: int = TOP_PAIRS
) -> Table:
    """How much every head changed: 1 − |A ∩ B| / |A ∪ B| of its first word pairs (METHODS 2).

    Returns:
        `SUMMARY_COLUMNS`: how many word pairs either model has, and how many of the first ones are
        kept, gained and lost.
    """
    return Table(
        SUMMARY_COLUMNS,
        [
            _summary(before, after, head, top)
            for before, after in zip(base, tuned, strict=True)
            for head in range(before.heads)
        ],
    )


def neuron_changes_table(base: NeuronPairs, tuned: NeuronPairs) -> Table:
    """How much every neuron pair of a head changed, and how many word pairs it relates."""
    return Table(
        NEURON_CHANGE_COLUMNS,
        [
            (base.layer, base.head, number, change, *counts)
            for number, (change, *counts) in enumerate(
                zip(
                    neuron_changes(base, tuned).tolist(),
                    np.diff(base.starts).tolist(),
                    np.diff(tuned.starts).tolist(),
                    strict=True,
                )
            )
        ],
    )


def _summary(base: HeadPairs, tuned: HeadPairs, head: int, top: int) -> tuple[Cell, ...]:
    found = compare_head(base, tuned, head, top)
    counts = (int(each.starts[head + 1] - each.starts[head]) for each in (base, tuned))
    statuses: tuple[Status, ...] = ("kept", "gained", "lost")
    return (base.layer, head, found.change, *counts, *(len(found.of(each)) for each in statuses))


@dataclass(frozen=True)
class _PairRows:
    """The rows, recomputed head by head on every iteration."""

    base: tuple[HeadPairs, ...]
    tuned: tuple[HeadPairs, ...]
    top: int

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        """Rows by layer, head and rank; ranks begin at 1."""
        for before, after in zip(self.base, self.tuned, strict=True):
            for head in range(before.heads):
                word_pairs = compare_head(before, after, head, self.top).word_pairs
                for rank, each in enumerate(word_pairs, 1):
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
