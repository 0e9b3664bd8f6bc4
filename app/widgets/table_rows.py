"""What a table lists, as data: its columns, its rows, and which of them are shown in which order.

Rows are built when they are drawn; sorting and filtering read whole columns, so that a hundred
thousand rows are rearranged within a few hundredths of a second (`tests.bench.bench_tables`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from analysis.table import Cell, Table, name_key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Row = tuple[Cell, ...]

_BETWEEN_CELLS = "\x1f"
_PREPARED_AT_ONCE = 1000


def cell_text(cell: Cell) -> str:
    """A cell's text, not yet harmless: four significant digits."""
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: The heading, not necessarily harmless.
        text: A cell's text, not necessarily harmless; ``None`` cells are never asked for.
        style: A style name of `ItemList`, or which one a cell has.
        least: Cells to which the column is cut if the table is too wide; columns of numbers are
            never cut.
        missing: Shown, dimmed, for None.
        harmless: Whether the texts are harmless as they are, as those of tokens have to be.
    """

    name: str
    text: Callable[[Cell], str] = cell_text
    style: str | Callable[[Cell], str] = ""
    least: int = 24
    missing: str = ""
    harmless: bool = False


@dataclass(frozen=True)
class Rows:
    """Rows built on access.

    Attributes:
        count: Their number.
        row: A row by its number.
        column: A whole column, for sorting and filtering.
        keys: Numbers that a column is sorted by, NaN coming last, and whether it holds names;
            None for rows whose cells tell.
        having: Whether each row has all of these casefolded words, as far as can be told within so
            many seconds, and whether all rows were looked at; None for the same.
    """

    count: int
    row: Callable[[int], Row]
    column: Callable[[int], Sequence[Cell]]
    keys: Callable[[int], tuple[NDArray[np.float64], bool]] | None = None
    having: Callable[[Sequence[str], float], tuple[NDArray[np.bool_], bool]] | None = None

    @staticmethod
    def of(rows: Sequence[Row]) -> Rows:
        """Rows that are there."""
        return Rows(len(rows), rows.__getitem__, lambda number: [row[number] for row in rows])

    @staticmethod
    def made(count: int, row: Callable[[int], Row]) -> Rows:
        """Rows made by a function, quickly."""
        return Rows(count, row, lambda number: [row(index)[number] for index in range(count)])


NO_ROWS = Rows.of(())


def rows_of(table: Table) -> tuple[tuple[Column, ...], Rows]:
    """A table's columns and rows."""
    return tuple(map(Column, table.columns)), Rows.of(list(table))


@dataclass(frozen=True)
class Arrangement:
    """How a user has arranged a table.

    Attributes:
        column: The column it is sorted by; None for the order in which the rows come.
        falling: Whether the largest or last comes first; missing values come last either way.
        words: Words that a row must have, in any of its cells and ignoring case; "" for all rows.
        row: The number of the row under the cursor, whatever its place.
    """

    column: int | None = None
    falling: bool = False
    words: str = ""
    row: int = 0


AS_IT_COMES = Arrangement()
"""All rows as they come."""


class TableRows:
    """The rows of a table, sorted and filtered; what that takes is kept for the next time."""

    def __init__(self, columns: Sequence[Column], rows: Rows) -> None:
        self.columns, self.rows = columns, rows
        self._keys: dict[int, NDArray[np.float64] | list[str]] = {}
        self._named: set[int] = set()
        self.searched = True
        self._sorted: dict[tuple[int, bool], list[int]] = {}
        self._texts: list[str] = []
        self._preparing: Iterator[str] | None = None

    def arranged(self, arrangement: Arrangement, *, seconds: float = float("inf")) -> Sequence[int]:
        """The numbers of the rows to show, in order; `searched` tells whether these are all.

        Rows that are not in memory are searched for so many seconds; the next time goes on.
        """
        self.searched = True
        order: Sequence[int] = range(self.rows.count)
        if arrangement.column is not None:
            order = self._order(arrangement.column, arrangement.falling)
        words = arrangement.words.casefold().split()
        if not words:
            return order
        if self.rows.having is not None:
            having, self.searched = self.rows.having(words, seconds)
            return self._chosen(order, having)
        has_all = self._having(words)
        return [number for number in order if has_all[number]]

    def begins_with_largest(self, column: int) -> bool:
        """Whether a column is read from its largest value down: numbers are, names are not."""
        return not isinstance(self._keys_of(column), list) and column not in self._named

    @staticmethod
    def _chosen(order: Sequence[int], having: NDArray[np.bool_]) -> list[int]:
        import numpy as np  # Not before the first paint.

        numbers = np.array(order, dtype=np.int64)
        found: list[int] = numbers[having[numbers]].tolist()
        return found

    def prepare(self) -> bool:
        """Do a part of the work that filtering needs first; returns whether some is left."""
        if self.rows.having is not None:
            return False
        if self._preparing is None:
            self._preparing = self._made_texts()
        self._texts += islice(self._preparing, _PREPARED_AT_ONCE)
        return len(self._texts) < self.rows.count

    def _order(self, column: int, falling: bool) -> list[int]:
        found = self._sorted.get((column, falling))
        if found is None:
            found = self._sorted[column, falling] = _order(self._keys_of(column), falling)
        return found

    def _keys_of(self, column: int) -> NDArray[np.float64] | list[str]:
        if column not in self._keys and self.rows.keys is not None:
            self._keys[column], named = self.rows.keys(column)
            self._named |= {column} if named else set()
        elif column not in self._keys:
            self._keys[column] = _keys(self.rows.column(column))
        return self._keys[column]

    def _having(self, words: Sequence[str]) -> bytearray:
        """Whether each row has all these words."""
        while self.prepare():
            pass
        left: Sequence[int] = range(self.rows.count)
        for word in words:
            left = [number for number in left if word in self._texts[number]]
        having = bytearray(self.rows.count)
        for number in left:
            having[number] = True
        return having

    def _made_texts(self) -> Iterator[str]:
        texts = [
            _column_texts(column, self.rows.column(number))
            for number, column in enumerate(self.columns)
        ]
        for cells in zip(*texts, strict=True):
            yield _BETWEEN_CELLS.join(cells).casefold()


def _column_texts(column: Column, cells: Sequence[Cell]) -> Iterator[str]:
    text, missing = column.text, column.missing
    return (missing if cell is None or cell != cell else text(cell) for cell in cells)


def _keys(cells: Sequence[Cell]) -> NDArray[np.float64] | list[str]:
    """What a column is sorted by: its numbers, NaN where there is none, or else its names."""
    import numpy as np  # Not before the first paint.

    try:
        return np.array(
            [np.nan if cell is None or cell == "" else cell for cell in cells], dtype=np.float64
        )
    except (OverflowError, TypeError, ValueError):
        names = ["" if cell is None else str(cell) for cell in cells]
        # Names often stand in many rows.
        keys = {name: name_key(name) for name in set(names)}
        return [keys[name] for name in names]


def _order(keys: NDArray[np.float64] | list[str], falling: bool) -> list[int]:
    """The order of a column: numbers by value, names by letter, ties as they come."""
    if not isinstance(keys, list):
        # NaN comes last whichever way the numbers are turned.
        order: list[int] = (-keys if falling else keys).argsort(kind="stable").tolist()
        return order
    numbers = sorted(range(len(keys)), key=keys.__getitem__, reverse=falling)
    empty = keys.count("")
    # An empty text comes first of all, and is to come last.
    return numbers if falling else [*numbers[empty:], *numbers[:empty]]
