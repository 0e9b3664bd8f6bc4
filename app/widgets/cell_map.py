"""A map of equal-sized cells with named rows and columns, as wide as there is room for.

Built on the faces of token maps; subclasses provide the contents of cells and the names.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip

from app.widgets.token_face import Cell, TokenFace

HEADER = 1
"""Lines of frozen column names."""

ASCII_GLYPHS = " .:-=+*oO#@"
"""Lightness without colours and block characters, one glyph per level."""


class CellMap(TokenFace):
    """The layout: where cells are drawn, what is visible, and what a cursor move repaints."""

    # Provided by subclasses

    @property
    def _labels(self) -> int:
        """Width in cells of the row names and the gap after them."""
        raise NotImplementedError

    @property
    def _cell(self) -> int:
        """Width of a column in cells; if not all columns fit, the map scrolls by whole ones."""
        raise NotImplementedError

    def _label(self, row: int, style: Style, blank: Style) -> list[Segment]:
        """A row's name and the gap after it."""
        raise NotImplementedError

    def _heading(self, columns: range, blank: Style) -> list[Segment]:
        """The names of columns."""
        raise NotImplementedError

    def _cells(self, row: int, columns: range) -> list[Segment]:
        """The contents of some cells of a row."""
        raise NotImplementedError

    # Layout

    def map_replaced(self) -> None:
        self._fit_to_pane()
        self.refresh()

    def on_resize(self) -> None:
        self._fit_to_pane()

    def _fit_to_pane(self) -> None:
        rows, columns = self.map.shape
        self.virtual_size = Size(self._labels + columns * self._cell, HEADER + rows)
        self.call_after_refresh(self._reveal)

    @property
    def _pane(self) -> Size:
        """Number of columns and rows that fit in the pane."""
        width, height = self.scrollable_content_region.size
        return Size(max(0, (width - self._labels) // self._cell), max(0, height - HEADER))

    def page_rows(self) -> int:
        return max(1, self._pane.height - 1)

    def cell_at(self, x: int, y: int) -> Cell | None:
        rows, columns = self.map.shape
        row = y - HEADER + self.scroll_offset.y
        column = (x - self._labels) // self._cell + self._first
        if y < HEADER or x < self._labels or row >= rows or column >= columns:
            return None
        return row, column

    @property
    def _first(self) -> int:
        """The first visible column; columns are never cut on the left."""
        return self.scroll_offset.x // self._cell

    def _columns_in_sight(self) -> range:
        return range(self._first, min(self.map.shape[1], self._first + self._pane.width))

    def _region(self, row: int, column: int) -> Region:
        x = self._labels + (column - self._first) * self._cell
        return Region(x, HEADER + row - self.scroll_offset.y, self._cell, 1)

    # The cursor

    def cursor_changed(self, before: Cell, after: Cell) -> None:
        if self._reveal():
            return
        for cell in (before, after):
            region = self._region(*cell)
            self.refresh(region)
            if before[0] != after[0]:
                self.refresh(Region(0, region.y, self._labels, 1))
        if before[1] != after[1]:
            self.refresh(Region(0, 0, self.size.width, HEADER))

    def _reveal(self) -> bool:
        """Scroll by half a pane if the cursor is outside it; returns whether it scrolled."""
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
        width, blank = self.size.width, self.rich_style
        row = y - HEADER + self.scroll_offset.y
        if not all(self.map.shape) or row >= self.map.shape[0]:
            return Strip.blank(width, blank)
        columns = self._columns_in_sight()
        if y < HEADER:
            cells = [Segment(" " * self._labels, blank), *self._heading(columns, blank)]
        else:
            style = blank + self.palette.here if row == self.cursor[0] else blank
            cells = [*self._label(row, style, blank), *self._cells(row, columns)]
        return Strip(cells).adjust_cell_length(width, blank)
