"""A table as a list of lines under its column names."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from analysis.table import Cell, Table
from app.terminal_text import pad, prose
from app.widgets.item_list import ItemList
from app.widgets.lines import Line

_WIDEST = 24


class TableList(ItemList):
    """The rows of a `Table`, numbers with four significant digits."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(self._line, empty=" nothing yet", id=id)
        self._ascii = ascii_only
        self._rows: list[list[str]] = []
        self._widths: list[int] = []
        self._columns: tuple[str, ...] = ()

    def show_table(self, table: Table) -> None:
        """Show another table; the cursor stays where it can."""
        self._columns = table.columns
        self._rows = [[_text(cell) for cell in row] for row in table]
        self._widths = [
            min(_WIDEST, max(map(cell_len, column))) + 2
            for column in zip(self._columns, *self._rows, strict=True)
        ]
        self.show(len(self._rows))

    def heading(self) -> str:
        """The names of the columns, above them."""
        return self._padded(self._columns)

    def text(self) -> str:
        """The table as text, a line a row, cells apart by tabs."""
        return "".join("\t".join(row) + "\n" for row in (self._columns, *self._rows))

    def _line(self, index: int, width: int) -> Line:
        return [(self._padded(self._rows[index]), "")]

    def _padded(self, cells: Sequence[str]) -> str:
        shown = (prose(cell, ascii_only=self._ascii) for cell in cells)
        return " " + "".join(map(pad, shown, self._widths))


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
