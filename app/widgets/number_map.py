"""A map of named rows and columns with a number in each cell; larger numbers are lighter.

It is readable without colour because cells contain their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from app.terminal.text import fit
from app.widgets.cell_map import ASCII_GLYPHS, CellMap
from app.widgets.token_face import TokenFace, TokenMap

NARROWEST, WIDEST = 7, 16
"""Width of a column in cells."""

_SHORTEST_LABEL, _LONGEST_LABEL = 10, 28
_READABLE = 10
_BLANKS = 2
"""Beside a text in its column."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """Contents of a map, harmless: `levels` uint8 [R, C], 0..10, and a text for each cell."""

    rows: Sequence[str]
    columns: Sequence[str]
    levels: NDArray[np.uint8]
    texts: Sequence[Sequence[str]]


class NumberMap(CellMap):
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
        # Columns make room for their longest text: without its last digits a number is another one.
        self._least = NARROWEST

    def show_numbers(self, numbers: Numbers) -> None:
        """Show other numbers; the cursor keeps its position if possible."""
        self._texts = numbers.texts
        longest = max((cell_len(text) for row in numbers.texts for text in row), default=0)
        self._least = max(NARROWEST, longest + _BLANKS)
        self.show(TokenMap(numbers.rows, numbers.columns, numbers.levels))

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _labels(self) -> int:
        """Width of the row names and the gap after them; columns have priority over long names."""
        wanted = max(map(cell_len, self.map.row_labels), default=0)
        left = self._room - _READABLE * self.map.shape[1] - 1
        return min(wanted, _LONGEST_LABEL, max(_SHORTEST_LABEL, left)) + 1

    @property
    def _cell(self) -> int:
        room = self._room - self._labels
        return max(self._least, min(WIDEST, room // max(1, self.map.shape[1])))

    def _label(self, row: int, style: Style, blank: Style) -> list[Segment]:
        label = fit(self.map.row_labels[row], self._labels - 1)
        return [Segment(label, style), Segment(" " * (self._labels - cell_len(label)), blank)]

    def _heading(self, columns: range, blank: Style) -> list[Segment]:
        palette, here = self.palette, self.cursor[1]
        return [
            Segment(
                self._right(self.map.column_labels[column]),
                blank + (palette.here if column == here else palette.missing),
            )
            for column in columns
        ]

    def _cells(self, row: int, columns: range) -> list[Segment]:
        return [self._number(row, column) for column in columns]

    def _number(self, row: int, column: int) -> Segment:
        palette, level = self.palette, int(self.map.levels[row, column])
        under = (row, column) == self.cursor
        # Without colours a glyph before the number shows the lightness.
        plain = palette.mono and self.ascii_only
        mark = ASCII_GLYPHS[level] if plain else palette.cell(level, 1)
        text = mark + self._right(self._texts[row][column])[1:]
        return Segment(text, palette.cursor if under else palette.levels[level])

    def _right(self, text: str) -> str:
        """A text right-aligned in its column, with a blank on either side."""
        text = fit(text, self._cell - _BLANKS)
        return " " * (self._cell - 1 - cell_len(text)) + text + " "
