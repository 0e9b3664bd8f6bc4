"""The rows of the list of cases: a case is read when its row is drawn.

What sorts and what is searched stands in the library's index, so that neither reads a case.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.problems import ProblemError
from analysis.saliency.cases.case import Cases
from analysis.saliency.cases.library import CaseLibrary
from analysis.table import Cell
from app.views.cases.case_list import difference, scores_of
from app.widgets.table_rows import Column, Row, Rows

# Words that can stand in a number; what has letters is sought in texts alone.
_NUMERIC = re.compile(r"[\d.+\-–]+")
# About what the texts of a hundred thousand numbers take.
_TEXTS_S = 0.05
_NAMES = {0: "id", 1: "dataset"}


class CaseRows:
    """Cells, orders and searches of the listed cases of a library, as it is now."""

    def __init__(self, library: CaseLibrary, listed: Cases, columns: Sequence[Column]) -> None:
        self._library, self._numbers, self._columns = library, listed.numbers, columns
        self._index, self._known = library.index, library.known
        self._texts: dict[int, list[str]] = {}
        # Of the rows that were made.
        self.guessed: set[str] = set()

    @property
    def rows(self) -> Rows:
        """What a table shows."""
        return Rows(len(self._numbers), self.row, self._column, self._keys, self._having)

    def row(self, place: int) -> Row:
        """The cells of a case; of one that cannot be read, why not."""
        number = int(self._numbers[place])
        try:
            case = self._library.numbered(number)
        except ProblemError as error:
            return ("–", "", *(None,) * (len(self._columns) - 3), str(error))
        if case.guessed:
            self.guessed.add(case.id)
        scores = scores_of(self._library, number)
        known: tuple[float | None, ...] = scores or (None,) * len(self._library.models)
        if len(known) == 2:
            known = (*known, difference(scores))
        return case.id, case.dataset, case.rating, *known, " ".join(case.prompt.split())

    def _column(self, column: int) -> Sequence[Cell]:
        return [self.row(place)[column] for place in range(len(self._numbers))]

    def _keys(self, column: int) -> tuple[NDArray[np.float64], bool]:
        """What a column is sorted by, and whether it holds names."""
        if column == len(self._columns) - 1:
            return self._index.rank("prompt")[self._numbers], True
        if column in _NAMES:
            return self._index.rank(_NAMES[column])[self._numbers], True
        return self._values(column), False

    def _values(self, column: int) -> NDArray[np.float64]:
        """The numbers of a column, NaN for none."""
        if column == 2:
            return self._library.rating_shown[self._numbers]
        scores = np.where(self._known.scored, self._known.scores, np.nan)[:, self._numbers]
        side = column - 3
        found: NDArray[np.float64] = scores[side] if side < len(scores) else scores[1] - scores[0]
        return found

    def _having(self, words: Sequence[str], seconds: float) -> tuple[NDArray[np.bool_], bool]:
        until, done = time.perf_counter() + seconds, True
        having = np.ones(len(self._numbers), np.bool_)
        for word in words:
            known, whole = self._index.having(word, until)
            found, done = known[self._numbers], done and whole
            for column in self._of_digits if _NUMERIC.fullmatch(word) else ():
                if column in self._texts or time.perf_counter() + _TEXTS_S < until:
                    found |= [word in text for text in self._of_numbers(column)]
                else:
                    done = False
            having &= found
        return having, done

    @property
    def _of_digits(self) -> range:
        """The columns of numbers."""
        return range(2, len(self._columns) - 1)

    def _of_numbers(self, column: int) -> list[str]:
        """The texts of a column of numbers, made once."""
        if column not in self._texts:
            shown = self._columns[column]
            self._texts[column] = [
                shown.missing if value != value else shown.text(value)
                for value in self._values(column).tolist()
            ]
        return self._texts[column]
