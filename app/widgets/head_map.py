"""The layer × head map: lighter cells are heads that tuning changed more.

Layers are rows and heads are columns; a layer that is not computed yet is left blank.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style

from app.terminal.colours import LEVELS, MISSING_GLYPH
from app.widgets.cell_map import ASCII_GLYPHS, CellMap
from app.widgets.scale import Span
from app.widgets.token_face import TokenMap

WIDEST = 4
"""Maximum width of a head in cells."""

ASCII_MISSING = "?"


def levels_of(change: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Changes, 0..1 or NaN, as levels of the colour scale: tenths, rounded up; NaN gives 0."""
    # 0.3 · 10 is a little more than 3 in binary.
    tenths = np.ceil(np.round(10 * np.nan_to_num(change), 9))
    return np.clip(tenths, 0, LEVELS - 1).astype(np.uint8)


def blank_map(layers: int, heads: int) -> TokenMap:
    """A map in which no layer is computed yet."""
    return TokenMap(
        row_labels=[str(layer) for layer in range(layers)],
        column_labels=[str(head) for head in range(heads)],
        levels=np.zeros((layers, heads), np.uint8),
        gaps=np.ones(layers, np.bool_),
    )


class HeadMap(CellMap):
    """Layers down, heads across, each head as wide as there is room for.

    `span` is what the colours are spread over: the changes of the layers that are computed.
    """

    span = Span()

    def begin(self, layers: int, heads: int) -> None:
        """Show a map in which no layer is computed yet."""
        self._changes: dict[int, NDArray[np.float64]] = {}
        self.span = Span()
        self.show(blank_map(layers, heads))

    def update_layer(self, layer: int, change: NDArray[np.float64]) -> None:
        """Show a newly computed layer, which may have fewer heads: float64 [H], 0 to 1.

        Only its line is repainted, unless the span has become wider.
        """
        self._changes[layer] = change
        before, self.span = self.span, Span.of(self._changes.values())
        wider = self.span != before
        levels = self.map.levels.copy()
        for number in self._changes if wider else (layer,):
            levels[number, : len(self._changes[number])] = self.span.levels(self._changes[number])
        gaps = np.ones(len(levels), np.bool_)
        gaps[list(self._changes)] = False
        self.map = replace(self.map, levels=levels, gaps=gaps)
        if wider:
            self.refresh()
        else:
            self.refresh(self._region(layer, 0).grow((0, self.size.width, 0, self.size.width)))

    @property
    def _labels(self) -> int:
        """Width in cells of the layer numbers and the gap after them."""
        return len(str(max(0, self.map.shape[0] - 1))) + 2

    @property
    def _cell(self) -> int:
        """Width of a head in cells."""
        room = self.scrollable_content_region.width - self._labels
        return max(1, min(WIDEST, room // max(1, self.map.shape[1])))

    def _label(self, row: int, style: Style, blank: Style) -> list[Segment]:
        number = f"{self.map.row_labels[row]:>{self._labels - 1}}"
        return [Segment(number, style), Segment(" ", blank)]

    def _heading(self, columns: range, blank: Style) -> list[Segment]:
        """Numbers of some heads, including that of the head under the cursor."""
        size = self._cell
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
        # Remove a number that the cursor's number would cut in two, since it would be misread.
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

    def _cells(self, row: int, columns: range) -> list[Segment]:
        """A layer's cells; adjacent cells of the same look share a segment."""
        size = self._cell
        under = self.cursor[1] if row == self.cursor[0] else -1
        segments = []
        for (text, style), same in groupby(self._look(row, c, under) for c in columns):
            segments.append(Segment(text * size * len(list(same)), style))
        return segments

    def _look(self, row: int, column: int, under: int) -> tuple[str, Style]:
        """Glyph and style of one terminal cell of a head."""
        palette = self.palette
        if self.map.is_gap(row):
            glyph = ASCII_MISSING if self.ascii_only else MISSING_GLYPH
            return glyph, palette.cursor if column == under else palette.missing
        level = int(self.map.levels[row, column])
        text = ASCII_GLYPHS[level] if palette.mono and self.ascii_only else palette.cell(level, 1)
        return text, palette.cursor if column == under else palette.fills[level]
