"""The Answers face: the prompt by words instead of tokens, coloured, and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.saliency.density import normalize
from analysis.saliency.map import SaliencyMap
from analysis.saliency.word_weights import Weights, WordTable, word_sums
from analysis.saliency.words import Word, words_of
from app.terminal.text import prose, visible
from app.views.saliency.comparison import Comparison
from app.views.saliency.cursor import Cursor
from app.views.saliency.values_text import ordinal
from app.widgets.scaled_lines import WordRow
from app.widgets.token_face import TokenMap

Number = TypeVar("Number", bound=np.generic)


class Words:
    """The words of a comparison, and what they weigh.

    Where two methods are compared, the words are weighed by the first one.
    """

    def __init__(self, comparison: Comparison) -> None:
        self._of = comparison

    @cached_property
    def words(self) -> list[Word]:
        """In the order of the prompt."""
        of = self._of
        tokens = [None if shown is None else shown.prompt_tokens for shown in of.maps]
        return words_of(of.prompt, tokens, of.rows)

    def token_map(self, side: int) -> TokenMap:
        """A side's data for the faces, every token with the level of its word."""
        tokens, shown = self._of.token_map(side), self._of.maps[side]
        if shown is None or not self.words:
            return tokens
        index = self._of.index(side)
        by_row = np.where((index >= 0)[:, None], _importance(shown)[index], 0.0)
        sums = word_sums(by_row, self.words)
        whole = Weights.of(shown, index, self.words)
        unknown = self._by_row(np.isnan(sums))
        return replace(
            tokens,
            levels=self._by_row(_levels(sums)),
            missing=unknown if unknown.any() else None,
            negative=self._by_row(sums < 0),
            totals=self._by_row(_levels(whole.sums[:, None])[:, 0]) if whole.known else None,
            negative_totals=self._by_row(whole.sums < 0) if whole.known else None,
        )

    def _by_row(self, of_words: NDArray[Number]) -> NDArray[Number]:
        """What holds for the words, [W] or [W, M], for the row of each of their tokens."""
        lengths = [word.rows[1] - word.rows[0] for word in self.words]
        return np.repeat(of_words, lengths, axis=0)

    def table(self, cursor: Cursor) -> WordTable:
        """What every word weighs for what the cursor looks at."""
        base, tuned = (self._weights(side, cursor.looked_at(side)) for side in (0, 1))
        columns = {cursor.looked_at(side) for side in (0, 1)}
        marked = self._of.marked(0 if self._of.maps[0] is not None else 1)
        return WordTable(
            self.words,
            np.array([marked[slice(*word.rows)].any() for word in self.words], np.bool_),
            base,
            tuned,
            comparable=columns == {None} or (len(columns) == 1 and self._of.same_tokens),
        )

    def _weights(self, side: int, column: int | None) -> Weights | None:
        shown = self._of.maps[side]
        if shown is None:
            return None
        if not len(shown.response_tokens):
            column = None
        return Weights.of(shown, self._of.index(side), self.words, column)

    def heads(self, called: Sequence[str], table: WordTable, *, ascii_only: bool) -> list[str]:
        """The names of the table's columns; a model without a name has none."""
        found = ["heaviest words"]
        for name, weights in zip(called, table.sides, strict=True):
            if name:
                said = ""
                if weights is not None and weights.column is not None:
                    said = f' for "{visible(weights.token, ascii_only=ascii_only)}"'
                elif any(each is not None and each.column is not None for each in table.sides):
                    # Numbers for one token stand beside it, with which its own do not compare.
                    said = ", whole answer"
                found.append(f"{prose(name, ascii_only=ascii_only)}{said}")
        return [*found, "change"] if all(called) else found

    def rows(
        self,
        called: Sequence[str],
        table: WordTable,
        cursor: Cursor,
        count: int,
        *,
        ascii_only: bool,
    ) -> list[WordRow]:
        """The heaviest words, at most `count` of them; the one at the cursor's row is marked."""
        repeated = {word.text for word in self.words if word.occurrence > 1}
        found = []
        for number in _heaviest(table, cursor)[:count]:
            word = self.words[number]
            text = visible(word.text, ascii_only=ascii_only)
            if word.text in repeated:
                text = f"{text} ({ordinal(word.occurrence)})"
            shares = [
                None if weights is None else _known(weights.shares[number])
                for name, weights in zip(called, table.sides, strict=True)
                if name
            ]
            found.append(
                WordRow(
                    text,
                    bool(table.instruction[number]),
                    word.rows[0] <= cursor.row < word.rows[1],
                    shares,
                    _known(table.changes[number]),
                )
            )
        return found


def _heaviest(table: WordTable, cursor: Cursor) -> Sequence[int]:
    """The heaviest words, in both models only where their numbers compare.

    Else in the one whose answer the reader walks, the active one if that is both; as long as
    nothing is known of its token, in both.
    """
    walked = [side for side in (0, 1) if cursor.walked[side]]
    if table.comparable or not walked:
        return table.heaviest
    shown = cursor.active if cursor.active in walked else walked[0]
    alone = replace(table, tuned=None) if shown == 0 else replace(table, base=None)
    return alone.heaviest or table.heaviest


def _levels(sums: NDArray[np.float64]) -> NDArray[np.uint8]:
    """uint8 [W, M]: the levels of absolute sums, as the table orders the words; NaN gives 0."""
    return normalize(np.abs(sums))


def _importance(shown: SaliencyMap) -> NDArray[np.float64]:
    """float64 [N, M]: importance, or scores where nothing else was published."""
    found = shown.scores if shown.importance is None else shown.importance
    return np.asarray(found, dtype=np.float64)


def _known(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)
