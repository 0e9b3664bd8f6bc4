"""What the words of a prompt weigh: their tokens summed, for two models side by side.

A word's share is its sum over all words' absolute sums, so that the shares of two models compare
whatever the scale of their maps, and keep their signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.saliency.map import SaliencyMap
from analysis.saliency.words import Word
from analysis.table import Cell, Table

Quantity = Literal["importance", "score"]
"""What is summed: importance, or scores where nothing else was published."""

_SIDE_COLUMNS = ("model", "response_index", "response_token", "weight", "share")
COLUMNS = (
    *("word_index", "word", "occurrence", "special", "instruction", "summed"),
    *(f"{side}_{name}" for side in ("base", "tuned") for name in _SIDE_COLUMNS),
    "change",
)


@dataclass(frozen=True, eq=False)
class Weights:
    """What every word weighs in one model, for a whole response or for one token of it.

    Attributes:
        model: The model's name.
        sums: float64 [W], the sums of the words' tokens; NaN where not known, or not there.
        there: bool [W], the words that the model was given; another model's template has others.
        quantity: What was summed.
        column: The response token's index; None for the whole response.
        token: Its text; empty for the whole response.
    """

    model: str
    sums: NDArray[np.float64]
    there: NDArray[np.bool_]
    quantity: Quantity = "importance"
    column: int | None = None
    token: str = ""

    @classmethod
    def of(
        cls,
        shown: SaliencyMap,
        index: NDArray[np.intp],
        words: Sequence[Word],
        column: int | None = None,
    ) -> Weights:
        """Sum a map's totals, or a column of it, over words.

        Args:
            shown: The map. While its cells are computed, totals may be known.
            index: intp [R], the prompt token of each aligned row; -1 for none.
            words: Of these rows.
            column: A response token; None for the whole response.
        """
        values: NDArray[np.floating] | None
        if shown.importance is None:
            scores = shown.scores.astype(np.float64)
            values = scores.sum(axis=1) if column is None else scores[:, column]
        else:
            values = shown.totals if column is None else shown.importance[:, column]
        if values is None:
            values = np.full(len(shown.prompt_tokens), np.nan)
        rows = index >= 0
        sums = word_sums(np.where(rows, values[index].astype(np.float64), 0.0), words)
        there = word_sums(rows.astype(np.float64), words) > 0
        return cls(
            shown.model,
            np.where(there, sums, np.nan),
            there,
            "score" if shown.importance is None else "importance",
            column,
            "" if column is None else shown.response_tokens.texts[column],
        )

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """float64 [W]: every word's sum over all words' absolute sums, -1..1; NaN if unknown.

        All of them are unknown while one sum is: it belongs to the whole.
        """
        whole = np.abs(self.sums[self.there]).sum()
        if np.isnan(whole):
            return np.full_like(self.sums, np.nan)
        return np.asarray(self.sums / (whole or 1.0), dtype=np.float64)

    @property
    def known(self) -> bool:
        """Whether there are shares."""
        return bool(self.there.any()) and not np.isnan(self.sums[self.there]).any()


def word_sums(values: NDArray[np.float64], words: Sequence[Word]) -> NDArray[np.float64]:
    """[W] or [W, M]: values by aligned row, [R] or [R, M], summed over the rows of each word."""
    if not words:
        return values[:0]
    starts = [word.rows[0] for word in words]
    return np.asarray(np.add.reduceat(values, starts, axis=0), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class WordTable:
    """Words with their weights in the base and the tuned model.

    Attributes:
        words: W words.
        instruction: bool [W], words of an instruction.
        base: Their weights; None for a missing map.
        tuned: The same for the tuned model.
        comparable: Whether a change is told: both are for whole responses, or for the same token of
            the same one.
    """

    words: Sequence[Word]
    instruction: NDArray[np.bool_]
    base: Weights | None
    tuned: Weights | None
    comparable: bool

    @property
    def sides(self) -> tuple[Weights | None, Weights | None]:
        return self.base, self.tuned

    @cached_property
    def changes(self) -> NDArray[np.float64]:
        """float64 [W]: tuned share minus base share; NaN where it is not known or not told."""
        if not self.comparable or self.base is None or self.tuned is None:
            return np.full(len(self.words), np.nan)
        return self.tuned.shares - self.base.shares

    @cached_property
    def heaviest(self) -> list[int]:
        """The words by falling absolute share in the model where it is larger; none if unknown."""
        known = [each for each in self.sides if each is not None and each.known]
        if not known:
            return []
        largest = np.max([np.nan_to_num(np.abs(each.shares)) for each in known], axis=0)
        there = np.any([each.there for each in known], axis=0)
        return [word for word in np.argsort(-largest, kind="stable").tolist() if there[word]]

    def table(self) -> Table:
        """A row for every word, in the order of the prompt."""
        return Table(COLUMNS, [self._row(number) for number in range(len(self.words))])

    def _row(self, number: int) -> tuple[Cell, ...]:
        word = self.words[number]
        summed = {each.quantity for each in self.sides if each is not None}
        return (
            number,
            word.text,
            word.occurrence,
            word.special,
            bool(self.instruction[number]),
            " ".join(sorted(summed)),
            *(cell for each in self.sides for cell in _side_row(each, number)),
            _cell(self.changes[number]),
        )


def _side_row(weights: Weights | None, number: int) -> tuple[Cell, ...]:
    if weights is None:
        return (None,) * len(_SIDE_COLUMNS)
    token = None if weights.column is None else weights.token
    numbers = _cell(weights.sums[number]), _cell(weights.shares[number])
    return (weights.model, weights.column, token, *numbers)


def _cell(value: np.float64) -> Cell:
    return None if np.isnan(value) else float(value)
