"""How tuning changed the word pairs of heads: kept, lost and gained pairs, and the amount.

METHODS 2. When models are compared, pairs are unordered and case-folded: a=b, b=a and A=B are one
pair. Its count is the largest count among its forms, never a sum, because the same neuron pair may
have found two forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.heads.result import HeadPairs, NeuronPairs

TOP_PAIRS = 100
"""Number of each model's first pairs that are compared (Fig. 2)."""

Status = Literal["kept", "lost", "gained"]
Key = tuple[str, str]


@dataclass(frozen=True)
class WordPairChange:
    """A word pair that is among the first of the base model, the tuned model or both.

    Attributes:
        word_a: The query's word, as the model that has the word pair writes it; if both have it,
            as the tuned one does.
        word_b: The key's word.
        count_base: Neuron pairs of the base model's head that found it; 0 for fewer than two.
        count_tuned: Those of the tuned model's head. A lost word pair may still have some, and a
            gained one may have had some: too few to be among the first.
        status: ``kept``, ``lost`` or ``gained``, by being among the first.
    """

    word_a: str
    word_b: str
    count_base: int
    count_tuned: int
    status: Status


@dataclass(frozen=True)
class HeadComparison:
    """One head in both models.

    Attributes:
        change: 1 − |A ∩ B| / |A ∪ B| of the first pairs A and B, 0 to 1; 0 if both are empty.
        word_pairs: A ∪ B, by falling larger count, then kept, gained, lost, then by rank.
    """

    change: float
    word_pairs: tuple[WordPairChange, ...]

    def of(self, status: Status) -> tuple[WordPairChange, ...]:
        """The word pairs that are kept, lost or gained."""
        return tuple(each for each in self.word_pairs if each.status == status)


def compare_head(
    base: HeadPairs, tuned: HeadPairs, head: int, top: int = TOP_PAIRS
) -> HeadComparison:
    """Compare the pairs of one head, base against tuned.

    Args:
        base: A layer of the base model.
        tuned: The same layer of the tuned model.
        head: From 0.
        top: How many first pairs of each to compare; ties for the last place go by word indices.

    Raises:
        ValueError: The layers differ in number of heads, or have no such head.
    """
    _check(base, tuned)
    if not 0 <= head < base.heads:
        raise ValueError(f"there is no head {head} of {base.heads}")
    found = [_folded(each, head) for each in (base, tuned)]
    first = [dict.fromkeys(list(each)[:top]) for each in found]
    order: tuple[Status, ...] = ("kept", "gained", "lost")
    changes = []
    for key in {**first[1], **first[0]}:
        in_base, in_tuned = key in first[0], key in first[1]
        status: Status = "kept" if in_base and in_tuned else "gained" if in_tuned else "lost"
        word_a, word_b, _ = found[in_tuned][key]
        counts = [each[key][2] if key in each else 0 for each in found]
        changes.append(WordPairChange(word_a, word_b, counts[0], counts[1], status))
    changes.sort(
        key=lambda each: (-max(each.count_base, each.count_tuned), order.index(each.status))
    )
    return HeadComparison(_change(set(first[0]), set(first[1])), tuple(changes))


def head_changes(base: HeadPairs, tuned: HeadPairs, top: int = TOP_PAIRS) -> NDArray[np.float64]:
    """The change of every head of a layer, float64 [H]; ValueError if numbers of heads differ."""
    _check(base, tuned)
    return np.array(
        [
            _change(*(set(list(_folded(each, head))[:top]) for each in (base, tuned)))
            for head in range(base.heads)
        ]
    )


def neuron_changes(
    base: NeuronPairs, tuned: NeuronPairs, top: int = TOP_PAIRS
) -> NDArray[np.float64]:
    """The change of every neuron pair of a head, over its pairs of largest q · k; float64 [d].

    Raises:
        ValueError: The heads differ in width.
    """
    if len(base.starts) != len(tuned.starts):
        raise ValueError(f"{len(base.starts) - 1} and {len(tuned.starts) - 1} neuron pairs differ")
    return np.array(
        [
            _change(*(set(list(_folded(each, part))[:top]) for each in (base, tuned)))
            for part in range(len(base.starts) - 1)
        ]
    )


def heads_with(layer: HeadPairs, word: str) -> Iterator[tuple[int, str, str, int]]:
    """Where a word occurs, whatever its case: (head, query's word, key's word, count).

    Ordered by head, then by falling count.
    """
    sought = word.casefold()
    matching = np.array([each.casefold() == sought for each in layer.words], dtype=np.bool_)
    if not matching.any():
        return
    for place in np.flatnonzero(matching[layer.first] | matching[layer.second]).tolist():
        head = int(np.searchsorted(layer.starts, place, side="right")) - 1
        first, second = layer.words[layer.first[place]], layer.words[layer.second[place]]
        yield head, first, second, int(layer.count[place])


def _folded(found_in: HeadPairs | NeuronPairs, part: int) -> dict[Key, tuple[str, str, int]]:
    """The different word pairs of a head or neuron pair in their order, each in its first form.

    Returns:
        Folded words in alphabetical order → the words as written, and the count.
    """
    start, end = found_in.starts[part : part + 2].tolist()
    found: dict[Key, tuple[str, str, int]] = {}
    counted = found_in.count if isinstance(found_in, HeadPairs) else np.ones_like(found_in.first)
    counts = counted[start:end].tolist()
    for first, second, count in zip(
        found_in.first[start:end].tolist(), found_in.second[start:end].tolist(), counts, strict=True
    ):
        a, b = found_in.words[first], found_in.words[second]
        folded = (a.casefold(), b.casefold())
        # Counts fall, so the first form is the one with the largest count.
        found.setdefault(folded if folded[0] <= folded[1] else folded[::-1], (a, b, count))
    return found


def _change(base: set[Key], tuned: set[Key]) -> float:
    union = len(base | tuned)
    return 1 - len(base & tuned) / union if union else 0.0


def _check(base: HeadPairs, tuned: HeadPairs) -> None:
    if base.heads != tuned.heads:
        raise ValueError(f"{base.heads} and {tuned.heads} heads cannot be compared")
