"""A map of named rows and columns with a number in each cell, the lighter the larger.

Built on the faces of token maps; the numbers stand in the cells, so that it reads without colour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip

from app.terminal_text import fit
from app.widgets.head_map import ASCII_GLYPHS
from app.widgets.token_face import Cell, TokenFace, TokenMap

HEADER = 1
"""Lines of frozen column names."""

NARROWEST, WIDEST = 7, 16
"""Cells of a column."""

_SHORTEST_LABEL, _LONGEST_LABEL = 10, 28
_READABLE = 10


@dataclass(frozen=True, eq=False)
class Numbers:
    """What a map shows; all texts harmless.

    Attributes:
        rows, columns: Their names.
        levels: uint8 [R, C], 0..10.
        texts: What stands in each cell, row by row.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    levels: NDArray[np.uint8]
    texts: Sequence[Sequence[str]]


class NumberMap(TokenFace):
    """Rows down, columns across, as wide as there is room for."""

    def __init__(
        self,
        *,
        ascii_only: bool,
        follow: Callable[[TokenFace.CursorMoved], object],
        id: str,  # noqa: A002 - Textual's own name
    ) -> None:
        """Args: plain ASCII; called when the user moves the cursor; the widget's id."""
        super().__init__(ascii_only=ascii_only, follow=follow, id=id)
        self._texts: Sequence[Sequence[str]] = ()

    def show_numbers(self, numbers: Numbers) -> None:
        """Show other numbers; the cursor stays where it can."""
        self._texts = numbers.texts
        self.show(TokenMap(numbers.rows, numbers.columns, numbers.levels))

    # Layout

    def map_replaced(self) -> None:
        """Lay out and paint the new `map`."""
        self._fit_to_pane()
        self.refresh()

    def on_resize(self) -> None:
        """Share out the new width and keep the cursor in sight."""
        self._fit_to_pane()

    def _fit_to_pane(self) -> None:
        rows, columns = self.map.shape
        self.virtual_size = Size(self._labels + columns * self._cell, HEADER + rows)
        self.call_after_refresh(self._reveal)

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _labels(self) -> int:
        """Cells of the row names with the gap after them; columns go before long names."""
        wanted = max(map(cell_len, self.map.row_labels), default=0)
        left = self._room - _READABLE * self.map.shape[1] - 1
        return min(wanted, _LONGEST_LABEL, max(_SHORTEST_LABEL, left)) + 1

    @property
    def _cell(self) -> int:
        """Cells of a column."""
        room = self._room - self._labels
        return max(NARROWEST, min(WIDEST, room // max(1, self.map.shape[1])))

    @property
    def _pane(self) -> Size:
        """Columns and rows that the pane has room for."""
        height = self.scrollable_content_region.height
        return Size(max(0, (self._room - self._labels) // self._cell), max(0, height - HEADER))

    def page_rows(self) -> int:
        """How many rows a page is."""
        return max(1, self._pane.height - 1)

    def cell_at(self, x: int, y: int) -> Cell | None:
        """The cell drawn at these coordinates of the pane, None where there is none."""
        row = y - HEADER + self.scroll_offset.y
        column = (x - self._labels) // self._cell + self._first
        rows, columns = self.map.shape
        if y < HEADER or x < self._labels or row >= rows or column >= columns:
            return None
        return row, column

    @property
    def _first(self) -> int:
        """The first column in sight; columns are never cut on the left."""
        return self.scroll_offset.x // self._cell

    # The cursor

    def cursor_changed(self, before: Cell, after: Cell) -> None:
        """Repaint the lines of the old and the new cell and the names above, or scroll."""
        if self._reveal():
            return
        for row in {before[0], after[0]}:
            self.refresh(Region(0, HEADER + row - self.scroll_offset.y, self.size.width, 1))
        if before[1] != after[1]:
            self.refresh(Region(0, 0, self.size.width, HEADER))

    def _reveal(self) -> bool:
        """Scroll by half a pane when the cursor is out of it; whether that was needed."""
        (row, column), pane = self.cursor, self._pane
        if not (pane and all(self.map.shape)):
            return False
        left, top = self._first, self.scroll_offset.y
        if not left <= column < left + pane.width:
            left = max(0, column - pane.width // 2)
        if not top <= row < top + pane.height:
            top = max(0, row - pane.height // 2)
        if (left, top) == (self._first, self.scroll_offset.y):
            return False
        self.scroll_to(left * self._cell, top, animate=False)
        return True

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw one line of the pane."""
        width, blank = self.size.width, self.rich_style
        row = y - HEADER + self.scroll_offset.y
        if not all(self.map.shape) or row >= self.map.shape[0]:
            return Strip.blank(width, blank)
        columns = range(self._first, min(self.map.shape[1], self._first + self._pane.width))
        if y < HEADER:
            cells = [
                Segment(" " * self._labels, blank),
                *(self._heading(c, blank) for c in columns),
            ]
        else:
            style = blank + self.palette.here if row == self.cursor[0] else blank
            label = fit(self.map.row_labels[row], self._labels - 1)
            rest = " " * (self._labels - cell_len(label))
            cells = [Segment(label, style), Segment(rest, blank)]
            cells += [self._number(row, column) for column in columns]
        return Strip(cells).adjust_cell_length(width, blank)

    def _heading(self, column: int, blank: Style) -> Segment:
        style = self.palette.here if column == self.cursor[1] else self.palette.missing
        return Segment(self._right(self.map.column_labels[column]), blank + style)

    def _number(self, row: int, column: int) -> Segment:
        palette, level = self.palette, int(self.map.levels[row, column])
        under = (row, column) == self.cursor
        # Without colours a glyph before the number stands for the lightness.
        plain = palette.mono and self.ascii_only
        mark = ASCII_GLYPHS[level] if plain else palette.cell(level, 1)
        text = mark + self._right(self._texts[row][column])[1:]
        return Segment(text, palette.cursor if under else palette.levels[level])

    def _right(self, text: str) -> str:
        """A text at the right end of its column, a blank on either side."""
        text = fit(text, self._cell - 2)
        return " " * (self._cell - 1 - cell_len(text)) + text + " "
