"""The layer × head map: a line a layer, a cell a head, the lighter the more tuning changed it.

Built on the faces of token maps: layers are their rows, heads their columns, and a layer that is
not computed yet is a gap.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip

from app.colours import LEVELS, MISSING_GLYPH
from app.widgets.token_face import Cell, TokenFace, TokenMap

HEADER = 1
"""Lines of frozen head numbers."""

WIDEST = 4
"""Cells of a head where there is room."""

ASCII_GLYPHS = " .:-=+*oO#@"
ASCII_MISSING = "?"


def levels_of(change: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Changes, 0..1 or NaN, as levels of the colour scale: tenths, rounded up; NaN gives 0."""
    # 0.3 · 10 is a little more than 3 in binary.
    tenths = np.ceil(np.round(10 * np.nan_to_num(change), 9))
    return np.clip(tenths, 0, LEVELS - 1).astype(np.uint8)


def blank_map(layers: int, heads: int) -> TokenMap:
    """A map without any layer computed."""
    return TokenMap(
        row_labels=[str(layer) for layer in range(layers)],
        column_labels=[str(head) for head in range(heads)],
        levels=np.zeros((layers, heads), np.uint8),
        gaps=np.ones(layers, np.bool_),
    )


class HeadMap(TokenFace):
    """Layers down, heads across; as many cells a head as there is room for."""

    def update_layer(self, layer: int, levels: NDArray[np.uint8]) -> None:
        """Show a layer that is computed now; only its line is repainted."""
        all_levels = self.map.levels.copy()
        all_levels[layer] = levels
        gaps = (
            np.zeros(len(all_levels), np.bool_) if self.map.gaps is None else self.map.gaps.copy()
        )
        gaps[layer] = False
        self.map = replace(self.map, levels=all_levels, gaps=gaps)
        self.refresh(self._region(layer, 0).grow((0, self.size.width, 0, self.size.width)))

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
    def _labels(self) -> int:
        """Cells of the layer numbers with the gap after them."""
        return len(str(max(0, self.map.shape[0] - 1))) + 2

    @property
    def _cell(self) -> int:
        """Cells of a head."""
        room = self.scrollable_content_region.width - self._labels
        return max(1, min(WIDEST, room // max(1, self.map.shape[1])))

    @property
    def _pane(self) -> Size:
        """Heads and layers that the pane has room for."""
        width, height = self.scrollable_content_region.size
        return Size(max(0, (width - self._labels) // self._cell), max(0, height - HEADER))

    def page_rows(self) -> int:
        """How many layers a page is."""
        return max(1, self._pane.height - 1)

    def cell_at(self, x: int, y: int) -> Cell | None:
        """The cell drawn at these coordinates of the pane, None where there is none."""
        rows, columns = self.map.shape
        left, top = self.scroll_offset
        row, column = y - HEADER + top, (x - self._labels + left) // self._cell
        if y < HEADER or x < self._labels or row >= rows or column >= columns:
            return None
        return row, column

    def _region(self, row: int, column: int) -> Region:
        """Where a cell is drawn, in the pane's coordinates."""
        left, top = self.scroll_offset
        x = self._labels + column * self._cell - left
        return Region(x, HEADER + row - top, self._cell, 1)

    # What changed

    def cursor_changed(self, before: Cell, after: Cell) -> None:
        """Repaint the old and the new cell and their numbers, or scroll."""
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
        """Scroll by half a pane when the cursor is out of it; whether that was needed."""
        row, column = self.cursor
        pane, (left, top) = self._pane, self.scroll_offset
        if not (pane and all(self.map.shape)):
            return False
        new_left, new_top = left, top
        # Heads of more than one cell all fit, so what is scrolled by are heads.
        if not left <= column < left + pane.width:
            new_left = max(0, column - pane.width // 2)
        if not top <= row < top + pane.height:
            new_top = max(0, row - pane.height // 2)
        if (new_left, new_top) == (left, top):
            return False
        self.scroll_to(new_left, new_top, animate=False)
        return True

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw one line of the pane."""
        width, blank = self.size.width, self.rich_style
        row = y - HEADER + self.scroll_offset.y
        if not all(self.map.shape) or row >= self.map.shape[0]:
            return Strip.blank(width, blank)
        if y < HEADER:
            left, cells = Segment(" " * self._labels, blank), self._numbers(blank)
        else:
            style = blank + self.palette.here if row == self.cursor[0] else blank
            number = f"{self.map.row_labels[row]:>{self._labels - 1}}"
            left, cells = Segment(number, style), [Segment(" ", blank), *self._cells(row)]
        return Strip([left, *cells]).adjust_cell_length(width, blank)

    def _columns_in_sight(self) -> range:
        first = self.scroll_offset.x
        return range(first, min(self.map.shape[1], first + self._pane.width))

    def _numbers(self, blank: Style) -> list[Segment]:
        """Numbers of some heads, and that of the head under the cursor."""
        columns, size = self._columns_in_sight(), self._cell
        last = str(self.map.shape[1] - 1)
        every = next(n for n in (1, 2, 4, 8, 16) if n * size > len(last) or n == 16)
        text = [" "] * (len(columns) * size + len(last))
        for column in columns:
            if column % every == 0:
                start = (column - columns.start) * size
                text[start : start + len(str(column))] = str(column)
        here = str(self.cursor[1])
        start = (self.cursor[1] - columns.start) * size
        before, after = "".join(text[:start]), "".join(text[start + len(here) :])
        # Numbers that the cursor's one cuts in two would be read as others.
        if before and before[-1] != " ":
            kept = before.rstrip("0123456789")
            before = kept + " " * (len(before) - len(kept))
        after = " " * (len(after) - len(after.lstrip("0123456789"))) + after.lstrip("0123456789")
        dim = blank + self.palette.missing
        return [
            Segment(before, dim),
            Segment(here, blank + self.palette.here),
            Segment(after, dim),
        ]

    def _cells(self, row: int) -> list[Segment]:
        """A layer's cells; neighbours of one look share a segment."""
        columns, size = self._columns_in_sight(), self._cell
        under = self.cursor[1] if row == self.cursor[0] else -1
        segments = []
        for (text, style), same in groupby(self._look(row, c, under) for c in columns):
            segments.append(Segment(text * size * len(list(same)), style))
        return segments

    def _look(self, row: int, column: int, under: int) -> tuple[str, Style]:
        """What one terminal cell of a head looks like."""
        palette = self.palette
        if self.map.is_gap(row):
            glyph = ASCII_MISSING if self.ascii_only else MISSING_GLYPH
            return glyph, palette.cursor if column == under else palette.missing
        level = int(self.map.levels[row, column])
        text = ASCII_GLYPHS[level] if palette.mono and self.ascii_only else palette.cell(level, 1)
        return text, palette.cursor if column == under else palette.fills[level]
