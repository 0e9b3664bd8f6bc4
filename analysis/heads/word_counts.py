"""How many heads relate a word, before and after tuning: the words that heads turn to (METHODS 2).

A head relates a word that is in one of its first word pairs, whatever its case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from analysis.heads.changes import TOP_PAIRS, HeadComparison, compare_head
from analysis.heads.result import HeadPairs
from analysis.table import Table

WORD_COLUMNS = ("word", "heads_base", "heads_tuned", "difference")


class WordHeads(NamedTuple):
    """A case-folded word, and how many heads of the base and of the tuned model relate it."""

    word: str
    base: int
    tuned: int

    @property
    def difference(self) -> int:
        """Tuned minus base."""
        return self.tuned - self.base


class WordCounts:
    """Counts heads by word, head by head."""

    def __init__(self) -> None:
        self._heads: tuple[Counter[str], Counter[str]] = (Counter(), Counter())

    def add(self, comparison: HeadComparison) -> None:
        """Count the words of a head's first pairs in either model."""
        for heads, changed in zip(self._heads, ("lost", "gained"), strict=True):
            heads.update(
                {
                    word.casefold()
                    for pair in comparison.word_pairs
                    if pair.status in ("kept", changed)
                    for word in (pair.word_a, pair.word_b)
                }
            )

    def add_all(self, counts: WordCounts) -> None:
        """Add what was counted of other heads."""
        for heads, others in zip(self._heads, counts._heads, strict=True):
            heads.update(others)

    def ranked(self) -> list[WordHeads]:
        """Every word, the largest differences first, then those in most heads, then by letter."""
        base, tuned = (heads.get for heads in self._heads)
        every = self._heads[0].keys() | self._heads[1].keys()
        words = [WordHeads(word, base(word, 0), tuned(word, 0)) for word in every]
        # Plain tuples sort without a call a word: a view does this whenever a layer arrives.
        keyed = sorted(
            (-abs(after - before), -before - after, word) for word, before, after in words
        )
        found = {each.word: each for each in words}
        return [found[word] for _, _, word in keyed]


def ranked_words_table(words: Iterable[WordHeads]) -> Table:
    """`WORD_COLUMNS`, a row a word."""
    return Table(WORD_COLUMNS, [(*each, each.difference) for each in words])


def words_table(
    base: Sequence[HeadPairs], tuned: Sequence[HeadPairs], top: int = TOP_PAIRS
) -> Table:
    """How many heads of these layers relate each word, by falling difference.

    Args:
        base: Layers of the base model.
        tuned: The same layers of the tuned model, in the same order.
        top: How many first pairs of a head are looked at.
    """
    counts = WordCounts()
    for before, after in zip(base, tuned, strict=True):
        for head in range(before.heads):
            counts.add(compare_head(before, after, head, top))
    return ranked_words_table(counts.ranked())
