"""The overview face: the whole map at a glance, two map rows per line of the pane.

A map larger than the pane is max-pooled, so that no strong cell is lost; a smaller one is enlarged.
Pointers at the top and left show where the cursor is.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from app.terminal.colours import GLYPHS, LEVELS, MISSING_GLYPH, Palette
from app.widgets.token_face import MARK, Cell, TokenFace, TokenMap

HEADER = 1
"""Lines for the pointer to the cursor's column."""

GUTTER = 2
"""Cells for the instruction marks and the pointer to the cursor's row."""

LARGEST_ZOOM = 4

MISSING = LEVELS
"""Denotes a place without a level, in addition to the levels 0..10."""

CURSOR = LEVELS + 1

_MARKS = (" ", "▘", "▖", MARK)


class TokenOverview(TokenFace):
    """Half blocks: the upper and lower half of a terminal cell are two rows."""

    DEFAULT_CSS = """
    TokenOverview { overflow: hidden hidden; }
    """

    _places: NDArray[np.uint8] = np.zeros((0, 0), dtype=np.uint8)
    """uint8 [2 · lines, cells across]: a level or MISSING for every place of the pane."""
    _marks: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)

    def on_resize(self) -> None:
        self.map_replaced()

    def map_replaced(self) -> None:
        self._pool()
        self.refresh()

    def levels_changed(self, before: TokenMap) -> None:
        old = self._places
        self._pool()
        if old.shape != self._places.shape:
            self.refresh()
            return
        changed = np.flatnonzero((old != self._places).any(axis=0))
        for x in changed:
            self.refresh(Region(GUTTER + int(x), HEADER, 1, self.size.height - HEADER))

    def cursor_changed(self, before: Cell, after: Cell) -> None:
        if not self._places.size:
            return
        for cell in (before, after):
            down, across = self._places_of(cell)
            lines = slice(HEADER + down.start // 2, HEADER + (down.stop + 1) // 2)
            width, height = len(across), lines.stop - lines.start
            self.refresh(
                Region(GUTTER + across.start, 0, width, HEADER),
                Region(GUTTER - 1, lines.start, 1, height),
                Region(GUTTER + across.start, lines.start, width, height),
            )

    def marks_changed(self) -> None:
        self.map_replaced()

    def cell_at(self, x: int, y: int) -> Cell | None:
        """The first cell pooled into the place drawn at these coordinates."""
        place = (2 * (y - HEADER), x - GUTTER)
        if any(not 0 <= at < size for at, size in zip(place, self._places.shape, strict=True)):
            return None
        row, column = (
            at * cells // places
            for at, cells, places in zip(place, self.map.shape, self._places.shape, strict=True)
        )
        return row, column

    def _pool(self) -> None:
        rows, columns = self.map.shape
        high, wide = 2 * (self.size.height - HEADER), self.size.width - GUTTER
        if not (rows and columns and high > 0 and wide > 0):
            self._places, self._marks = np.zeros((0, 0), np.uint8), np.zeros(0, np.bool_)
            return
        down, across = _starts(rows, _parts(rows, high)), _starts(columns, _parts(columns, wide))
        blank = self.map.blank()
        levels = np.where(blank, 0, self.map.levels)
        pooled = np.maximum.reduceat(np.maximum.reduceat(levels, down, axis=0), across, axis=1)
        empty = np.minimum.reduceat(np.minimum.reduceat(blank, down, axis=0), across, axis=1)
        self._places = np.where(empty, MISSING, pooled).astype(np.uint8)
        marked = self.map.marked
        self._marks = np.maximum.reduceat(
            np.zeros(rows, np.bool_) if marked is None else marked, down
        )

    def _places_of(self, cell: Cell) -> tuple[range, range]:
        """The places (half lines from the top, cells from the left) that show a cell of the map."""
        down, across = (
            _parts_of(at, cells, places)
            for at, cells, places in zip(cell, self.map.shape, self._places.shape, strict=True)
        )
        return down, across

    def render_line(self, y: int) -> Strip:
        blank, width = self.ground, self.size.width
        if not self._places.size:
            return Strip.blank(width, blank)
        down, across = self._places_of(self.cursor)
        pointer = blank + self.palette.mark
        if y < HEADER:
            before = Segment(" " * (GUTTER + across.start), blank)
            line = Strip([before, Segment("▾" * len(across), pointer)])
            return line.adjust_cell_length(width, blank)
        upper = 2 * (y - HEADER)
        if upper >= len(self._places):
            return Strip.blank(width, blank)
        pair = np.full((2, self._places.shape[1]), MISSING, np.uint8)
        halves = range(upper, min(upper + 2, len(self._places)))
        pair[: len(halves)] = self._places[halves.start : halves.stop]
        under_cursor = [half - upper for half in halves if half in down]
        for half in under_cursor:
            pair[half, across.start : across.stop] = CURSOR
        marks = sum(int(self._marks[half]) << (half - upper) for half in halves)
        gutter = [
            Segment(_MARKS[marks], pointer),
            Segment("▸" if under_cursor else " ", pointer),
        ]
        return Strip(gutter + self._cells(pair)).adjust_cell_length(width, blank)

    def _cells(self, pair: NDArray[np.uint8]) -> list[Segment]:
        """A line's cells, with equal neighbours in one segment; pair is [2, cells across]."""
        edges = np.flatnonzero((pair[:, 1:] != pair[:, :-1]).any(axis=0)) + 1
        starts = [0, *edges.tolist(), pair.shape[1]]
        segments = []
        for start, end in pairwise(starts):
            upper, lower = int(pair[0, start]), int(pair[1, start])
            glyph, style = _half_block(self.palette, upper, lower)
            segments.append(Segment(glyph * (end - start), style))
        return segments


def _half_block(palette: Palette, upper: int, lower: int) -> tuple[str, Style]:
    """The glyph and style that show two places in one cell."""
    if palette.mono:
        if CURSOR in (upper, lower):
            return "+", palette.cursor
        levels = [level for level in (upper, lower) if level != MISSING]
        return (GLYPHS[max(levels)] if levels else MISSING_GLYPH), Style.null()
    top, bottom = _colour(palette, upper), _colour(palette, lower)
    if top is None and bottom is None:
        return MISSING_GLYPH, palette.missing
    if top == bottom:
        return " ", _style(None, top)
    return ("▄", _style(bottom, None)) if top is None else ("▀", _style(top, bottom))


@cache
def _style(colour: Color | None, background: Color | None) -> Style:
    return Style(color=colour, bgcolor=background)


def _colour(palette: Palette, place: int) -> Color | None:
    if place == CURSOR:
        return palette.cursor_colour
    return None if place == MISSING else palette.colours[place]


def _parts(cells: int, room: int) -> int:
    """Number of parts for `cells`: a whole multiple if it fits, otherwise all of `room`."""
    return min(room // cells, LARGEST_ZOOM) * cells or room


def _starts(cells: int, places: int) -> NDArray[np.intp]:
    """First cell of each equal part that `cells` are pooled (or enlarged) into."""
    return np.arange(places, dtype=np.intp) * cells // places


def _parts_of(cell: int, cells: int, places: int) -> range:
    """The parts that show a cell: one, or several if the map is enlarged."""
    starts = _starts(cells, places)
    stop = int(np.searchsorted(starts, cell, side="right"))
    return range(int(np.searchsorted(starts, starts[stop - 1])), stop)
