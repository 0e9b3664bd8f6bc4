"""A table as a list of lines under its column names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from rich.cells import cell_len
from textual.events import Resize
from textual.message import Message

from analysis.table import Cell, Table
from app.terminal.text import pad, prose
from app.widgets.item_list import ItemList
from app.widgets.lines import Line

_WIDEST = 24
_GAP = 2
# Rows that columns are fitted to: a table may have a hundred thousand.
_FITTED_TO = 1000


class TableList(ItemList):
    """The rows of a `Table`, numbers with four significant digits.

    Only the lines in sight are made. Where columns do not fit side by side, all but the first move
    left on request, and long cells are cut, those of the first column last. A column at the right
    edge is shown whole or not at all.
    """

    class Fitted(Message):
        """The columns may have other widths than before: the names above them are to follow."""

    def __init__(
        self,
        *,
        ascii_only: bool,
        id: str,  # noqa: A002 - Textual's own name
        follow: Callable[[], None] = lambda: None,
    ) -> None:
        """Args: plain ASCII; the widget's id; what to call when the cursor moved."""
        super().__init__(self._line, empty=" nothing yet", id=id)
        self._ascii = ascii_only
        self._follow = follow
        self._rows: list[tuple[Cell, ...]] = []
        self._natural: list[int] = []
        self._columns: tuple[str, ...] = ()
        self._moved = 0

    def show_table(self, table: Table) -> None:
        """Show another table; the cursor stays where it can."""
        if table.columns != self._columns:
            self._moved = 0
        self._columns = table.columns
        self._rows = list(table)
        shown = [self._texts(row) for row in islice(self._rows, _FITTED_TO)]
        self._natural = [
            max(map(cell_len, column)) + _GAP
            for column in zip(self._texts(self._columns), *shown, strict=True)
        ]
        self.show(len(self._rows))

    def on_resize(self, event: Resize) -> None:
        """Columns are fitted to the width, which is not known before."""
        self.post_message(self.Fitted())

    @property
    def row(self) -> tuple[Cell, ...] | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if self._rows else None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is cut and no column is out of sight."""
        return self._taken(max(self._natural, default=0)) <= self._width

    def heading(self) -> str:
        """The names of the columns, above them."""
        return self._padded(self._columns)

    def text(self) -> str:
        """The table as text, a line a row, cells apart by tabs."""
        rows = ([cell_text(cell) for cell in row] for row in (self._columns, *self._rows))
        return "".join("\t".join(row) + "\n" for row in rows)

    def find(self, words: str) -> list[int]:
        """The rows with these words in a cell, whatever their case."""
        sought = words.casefold()
        return [
            number
            for number, row in enumerate(self._rows)
            if any(sought in cell_text(cell).casefold() for cell in row)
        ]

    def move_columns(self, by: int) -> None:
        """Move the columns behind the first one left (1) or back (-1)."""
        last = 0 if self.is_whole else max(0, len(self._columns) - 2)
        self._moved = max(0, min(self._moved + by, last))
        self.refresh()

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a row and say so."""
        before = self.cursor
        super().move_cursor(index)
        if self.cursor != before:
            self._follow()

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _widths(self) -> list[int]:
        """Cells of the columns: the longest are cut first, none shorter than `_WIDEST`."""
        widest = max(self._natural, default=0)
        while widest > _WIDEST + _GAP and self._taken(widest) > self._width:
            widest -= 1
        widths = [min(wanted, widest) for wanted in self._natural]
        if self._taken(widest) > self._width:
            # The others come on a key; the first says what a row is about, often at its end.
            widths[0] = min(self._natural[0], max(widest, self._width // 2))
        return widths

    def _taken(self, widest: int) -> int:
        return 1 + sum(min(wanted, widest) for wanted in self._natural) - _GAP

    def _line(self, index: int, width: int) -> Line:
        return [(self._padded(self._rows[index]), "")]

    def _padded(self, cells: Sequence[Cell]) -> str:
        columns = list(zip(self._texts(cells), self._widths, strict=True))
        moved = 0 if self.is_whole else self._moved
        line = " "
        for number, (text, width) in enumerate([*columns[:1], *columns[1 + moved :]]):
            # Whole or not at all: a number without its last digits is another number.
            if number > 1 and cell_len(line) + width - _GAP > self._width:
                break
            line += pad(pad(text, width - _GAP), width)
        return line

    def _texts(self, cells: Sequence[Cell]) -> list[str]:
        return [prose(cell_text(cell), ascii_only=self._ascii) for cell in cells]


def cell_text(cell: Cell) -> str:
    """A cell as it is shown, not yet harmless: four significant digits."""
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
