"""Tables of word pairs by head, for the Heads view, its exports and the ``heads`` command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.heads.changes import TOP_PAIRS, compare_head, head_changes
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
SUMMARY_COLUMNS = ("layer", "head", "change")
NEURON_COLUMNS = ("layer", "head", "neuron_pair", "model", "rank", "word_a", "word_b", "score")


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
    """How much every head changed: 1 − |A ∩ B| / |A ∪ B| of its first word pairs (METHODS 2)."""
    return Table(
        SUMMARY_COLUMNS,
        [
            (before.layer, head, float(change))
            for before, after in zip(base, tuned, strict=True)
            for head, change in enumerate(head_changes(before, after, top))
        ],
    )


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
