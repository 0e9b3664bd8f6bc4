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
# Number of rows used to fit column widths: a table may have a hundred thousand rows.
_FITTED_TO = 1000


class TableList(ItemList):
    """The rows of a `Table`, with numbers to four significant digits.

    Only visible lines are made. If the columns do not fit side by side, all but the first can be
    scrolled left, and long cells are cut, those of the first column last. A column at the right
    edge is shown completely or not at all.
    """

    class Fitted(Message):
        """Column widths may have changed, so the heading above must be updated."""

    def __init__(
        self,
        *,
        ascii_only: bool,
        id: str,  # noqa: A002 - Textual's own name
        follow: Callable[[], None] = lambda: None,
    ) -> None:
        """Args: plain ASCII; the widget's id; what to call when the cursor moves."""
        super().__init__(self._line, empty=" nothing yet", id=id)
        self._ascii = ascii_only
        self._follow = follow
        self._rows: list[tuple[Cell, ...]] = []
        self._natural: list[int] = []
        self._columns: tuple[str, ...] = ()
        self._moved = 0

    def show_table(self, table: Table) -> None:
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
        """Fit the columns to the width, which is not known earlier."""
        self.post_message(self.Fitted())

    @property
    def row(self) -> tuple[Cell, ...] | None:
        return self._rows[self.cursor] if self._rows else None

    @property
    def is_whole(self) -> bool:
        """Whether no cell is cut and every column is visible."""
        return self._taken(max(self._natural, default=0)) <= self._width

    def heading(self) -> str:
        """The column names, aligned with the columns."""
        return self._padded(self._columns)

    def text(self) -> str:
        """The table as text, one line per row, cells separated by tabs."""
        rows = ([cell_text(cell) for cell in row] for row in (self._columns, *self._rows))
        return "".join("\t".join(row) + "\n" for row in rows)

    def find(self, words: str) -> list[int]:
        """The rows that contain these words in a cell, ignoring case."""
        sought = words.casefold()
        return [
            number
            for number, row in enumerate(self._rows)
            if any(sought in cell_text(cell).casefold() for cell in row)
        ]

    def move_columns(self, by: int) -> None:
        """Scroll the columns after the first by one, left (1) or back (-1)."""
        last = 0 if self.is_whole else max(0, len(self._columns) - 2)
        self._moved = max(0, min(self._moved + by, last))
        self.refresh()

    def move_cursor(self, index: int) -> None:
        before = self.cursor
        super().move_cursor(index)
        if self.cursor != before:
            self._follow()

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _widths(self) -> list[int]:
        """Column widths in cells: the longest are cut first, none shorter than `_WIDEST`."""
        widest = max(self._natural, default=0)
        while widest > _WIDEST + _GAP and self._taken(widest) > self._width:
            widest -= 1
        widths = [min(wanted, widest) for wanted in self._natural]
        if self._taken(widest) > self._width:
            # The others are a keystroke away; the first identifies a row, often by its end.
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
            # All or nothing: a number without its last digits is a different number.
            if number > 1 and cell_len(line) + width - _GAP > self._width:
                break
            line += pad(pad(text, width - _GAP), width)
        return line

    def _texts(self, cells: Sequence[Cell]) -> list[str]:
        return [prose(cell_text(cell), ascii_only=self._ascii) for cell in cells]


def cell_text(cell: Cell) -> str:
    """A cell's text, not yet harmless: four significant digits."""
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
