"""How the columns of a table are laid out: widths, numbers aligned at the decimal point, headings.

If the columns do not fit side by side, all but the first can be scrolled left, and long texts are
cut, those of the first column last. A column at the right edge is shown completely or not at all,
and a number is never cut: without its last digits it is a different number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from analysis.table import Cell
from app.terminal.text import pad, prose
from app.widgets.lines import Part
from app.widgets.table_rows import Column, Row

_GAP = 2
_LONGEST = 400
"""No column is wider, whatever stands in it; a prompt may have thousands of characters."""
_NUMBER = re.compile(r"([+\-−~]?(?:[\d,]+|inf|nan))((?:\.\d+)?(?:e[+-]?\d+)?[°%]?)")


class ColumnLayout:
    """Where cells stand in a line. `moved` columns after the first are scrolled out of sight."""

    def __init__(self, columns: Sequence[Column], *, ascii_only: bool) -> None:
        self.columns = columns
        self._ascii = ascii_only
        self._names = [prose(column.name, ascii_only=ascii_only) for column in columns]
        # The widest text of each column; of numbers, what stands before and from the point on.
        self._texts = [cell_len(name) for name in self._names]
        self._before = [0] * len(columns)
        self._after = [0] * len(columns)
        self._numeric = [False] * len(columns)
        self._fitted: tuple[int, list[int]] = (-1, [])
        self.moved = 0

    def measure(self, rows: Iterable[Row]) -> None:
        """Make room for these rows."""
        kinds: list[set[bool]] = [set() for _ in self.columns]
        for row in rows:
            for number, cell in enumerate(row):
                is_number = self._measure(number, cell)
                if cell is not None and cell != "":
                    kinds[number].add(is_number)
        self._numeric = [kind == {True} for kind in kinds]
        self._fitted = (-1, [])

    def widen(self, row: Row) -> bool:
        """Make room for the numbers of a row that is drawn; returns whether any was needed."""
        before = [*self._before, *self._after]
        for number, cell in enumerate(row):
            if self._numeric[number]:
                self._measure(number, cell)
        if before == [*self._before, *self._after]:
            return False
        self._fitted = (-1, [])
        return True

    def _measure(self, number: int, cell: Cell) -> bool:
        """Make room for a cell; returns whether it is a number."""
        text = self.text(number, cell, _LONGEST)
        split = _split(text) if _is_number(cell) else None
        if split is None:
            self._texts[number] = max(self._texts[number], min(_LONGEST, cell_len(text)))
            return False
        self._before[number] = max(self._before[number], len(split[0]))
        self._after[number] = max(self._after[number], len(split[1]))
        return True

    def text(self, number: int, cell: Cell, longest: int | None = None) -> str:
        """A cell's text, harmless; no more than its beginning if a greatest length is given."""
        column = self.columns[number]
        text = (column.missing if cell is None else column.text(cell))[:longest]
        return text if column.harmless else prose(text, ascii_only=self._ascii)

    def in_full(self, row: Row) -> list[tuple[str, str]]:
        """A row's names and texts, harmless; numbers to ten digits."""
        return [
            (name, f"{cell:.10g}" if isinstance(cell, float) else self.text(number, cell))
            for number, (name, cell) in enumerate(zip(self._names, row, strict=True))
        ]

    # Widths

    @property
    def _natural(self) -> list[int]:
        return [
            max(texts, before + after)
            for texts, before, after in zip(self._texts, self._before, self._after, strict=True)
        ]

    def widths(self, room: int) -> list[int]:
        """The columns' widths in cells, without the gaps between them."""
        if self._fitted[0] != room:
            self._fitted = room, self._fit(room)
        return self._fitted[1]

    def _fit(self, room: int) -> list[int]:
        natural = self._natural
        # The first identifies a row, often by its end; others are a keystroke away.
        least = [
            width if self._numeric[n] else min(width, self.columns[n].least if n else room // 2)
            for n, width in enumerate(natural)
        ]
        widest = max(natural, default=0)
        while True:
            widths = [
                width if self._numeric[n] else max(least[n], min(width, widest))
                for n, width in enumerate(natural)
            ]
            if _taken(widths) <= room or widths == least:
                return widths
            widest -= 1

    def is_whole(self, room: int) -> bool:
        """Whether no cell is cut and every column is visible."""
        return _taken(self._natural) <= room

    def all_in_sight(self, room: int) -> bool:
        """Whether every column is visible, if need be with cells cut."""
        return _taken(self.widths(room)) <= room

    def shown(self, room: int) -> list[int]:
        """The numbers of the columns in sight."""
        widths = self.widths(room)
        moved = 0 if self.all_in_sight(room) else self.moved
        numbers: list[int] = []
        used = 1 - _GAP
        for number in [*range(1), *range(1 + moved, len(widths))][: len(widths)]:
            used += widths[number] + _GAP
            if len(numbers) > 1 and used > room:
                break
            numbers.append(number)
        return numbers

    def move(self, by: int, room: int) -> None:
        """Scroll the columns after the first by some, left or back."""
        last = 0 if self.all_in_sight(room) else max(0, len(self.columns) - 2)
        self.moved = max(0, min(self.moved + by, last))

    def reveal(self, number: int, room: int) -> None:
        """Scroll as little as needed for a column to be in sight."""
        if 0 < number <= self.moved:
            self.moved = number - 1
        while number not in self.shown(room) and self.moved < len(self.columns) - 2:
            self.moved += 1

    # Lines

    def heading(self, room: int, *, sorted_by: int | None, mark: str) -> list[Part]:
        """The columns' names; the one that the rows are sorted by has a mark beside it."""
        parts: list[Part] = [(" ", "heading")]
        widths = self.widths(room)
        for number in self.shown(room):
            name, width, style = self._names[number], widths[number], "heading"
            text = pad(name, width)
            if self._numeric[number]:
                text = " " * (width - cell_len(name)) + name
            before, after = "", " " * _GAP
            if number == sorted_by:
                style = "sorted"
                if self._numeric[number]:
                    # The gap before it has room.
                    parts[-1] = (parts[-1][0][:-1], parts[-1][1])
                    before = text[: width - cell_len(name)] + mark
                    text = name
                else:
                    text = text.rstrip()
                    after = mark + " " * (width - cell_len(text) + _GAP - 1)
            parts.append((before + text + after, style))
        return parts

    def line(self, row: Row, room: int) -> list[Part]:
        """A row's cells."""
        parts: list[Part] = [(" ", "")]
        widths = self.widths(room)
        for number in self.shown(room):
            cell, column = row[number], self.columns[number]
            style = "dim"
            if cell is not None:
                style = column.style if isinstance(column.style, str) else column.style(cell)
            text, gap = self._aligned(number, cell, widths[number]), " " * _GAP
            # A ground of its own ends with the cell.
            parts += [(text, style), (gap, "")] if _has_ground(style) else [(text + gap, style)]
        return parts

    def _aligned(self, number: int, cell: Cell, width: int) -> str:
        text = self.text(number, cell, _LONGEST)
        if not self._numeric[number]:
            return pad(text, width)
        before, after = _split(text) or (text, "")
        block = self._before[number] + self._after[number]
        start = width - block + self._before[number] - cell_len(before)
        return pad(" " * max(0, start) + before + after, width)


def _has_ground(style: str) -> bool:
    return style.startswith("shade ")


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _split(text: str) -> tuple[str, str] | None:
    """A number's text before and from the decimal point on; None for other texts."""
    match = _NUMBER.fullmatch(text)
    return (match[1], match[2]) if match else None


def _taken(widths: Sequence[int]) -> int:
    return 1 + sum(widths) + _GAP * (len(widths) - 1)
