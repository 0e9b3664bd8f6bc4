"""Points in a plane, shown as letters and colours by kind, with a cursor on one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.strip import Strip
from textual.widget import Widget

from app.widgets.lines import Lines, text_style

MARKS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
LOOKS = ("first", "second", "third", "fourth")
"""Styles, assigned to kinds in turn."""

# Weight of sideways distance: cells are about twice as high as wide, and off-axis points seem near.
_ASKEW = 3
# Visible without colour.
_CURSOR = Style(reverse=True)


@dataclass(frozen=True, eq=False)
class Scatter:
    """Points [n, 2], right and up; int [n] kinds, from 0, give their letters and colours."""

    points: NDArray[np.float32]
    kinds: NDArray[np.int64]


def mark_of(kind: int) -> str:
    """The letter of a kind; letters repeat if there are more kinds than letters."""
    return MARKS[kind % len(MARKS)]


def look_of(kind: int) -> str:
    """The style of a kind on the map and in `KindLines`; consecutive kinds differ."""
    return LOOKS[kind % len(LOOKS)]


def cells_of(points: NDArray[np.float32], width: int, height: int) -> NDArray[np.int64]:
    """Row and column of every point in a pane, int64 [n, 2]; the middle if all coincide."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = np.where(high > low, high - low, 1.0)
    share = np.where(high > low, (points - low) / extent, 0.5)
    columns = np.minimum((share[:, 0] * width).astype(np.int64), width - 1)
    rows = np.minimum(((1 - share[:, 1]) * height).astype(np.int64), height - 1)
    return np.stack([rows, columns], axis=1)


def nearest(
    cells: NDArray[np.int64], place: tuple[int, int], direction: tuple[int, int]
) -> int | None:
    """The point in the nearest cell in a direction (rows, columns); None if there is none."""
    rows, columns = cells[:, 0] - place[0], cells[:, 1] - place[1]
    along = rows * direction[0] + columns * direction[1]
    aside = np.abs(rows * direction[1]) + np.abs(columns * direction[0])
    ahead = along > 0
    if not ahead.any():
        return None
    return int(np.where(ahead, along + _ASKEW * aside, np.iinfo(np.int64).max).argmin())


class KindLines(Lines):
    """Lines that also have the styles of kinds, for a legend."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"lines--{each}" for each in LOOKS}
    DEFAULT_CSS = """
    KindLines .lines--first { color: $text-primary; }
    KindLines .lines--second { color: $text-warning; }
    KindLines .lines--third { color: $text-success; }
    KindLines .lines--fourth { color: $text-error; }
    """


class ScatterMap(Widget, can_focus=True):
    """Draws a `Scatter`, filling its space; the cursor is always on a point."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"scatter--{each}" for each in LOOKS}
    DEFAULT_CSS = """
    ScatterMap .scatter--first { color: $text-primary; }
    ScatterMap .scatter--second { color: $text-warning; }
    ScatterMap .scatter--third { color: $text-success; }
    ScatterMap .scatter--fourth { color: $text-error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(0, -1)", show=False),
        Binding("right,l", "move(0, 1)", show=False),
        Binding("up,k", "move(-1, 0)", show=False),
        Binding("down,j", "move(1, 0)", show=False),
    ]

    def __init__(self, *, follow: Callable[[], None], id: str) -> None:  # noqa: A002
        """Args: called when the cursor moved; the widget's id."""
        super().__init__(id=id)
        self._follow = follow
        self._scatter: Scatter | None = None
        self._cells: NDArray[np.int64] = np.zeros((0, 2), dtype=np.int64)
        self._drawn: list[list[tuple[str, str]]] = []
        self.current = 0

    def show(self, scatter: Scatter) -> None:
        """Draw other points; the cursor stays on the point of the same number."""
        self._scatter = scatter
        self.current = min(self.current, max(0, len(scatter.points) - 1))
        self._draw()

    @property
    def here(self) -> Sequence[int]:
        """The points in the cell under the cursor, in order."""
        if not len(self._cells):
            return []
        found: list[int] = np.flatnonzero(
            (self._cells == self._cells[self.current]).all(axis=1)
        ).tolist()
        return found

    def action_move(self, rows: int, columns: int) -> None:
        if len(self._cells):
            row, column = self._cells[self.current].tolist()
            found = nearest(self._cells, (row, column), (rows, columns))
            if found is not None:
                self._go_to(found)

    def point_at(self, point: int) -> None:
        """Put the cursor on a point, as another map of the same points has it."""
        if point != self.current and point < len(self._cells):
            self.current = point
            self.refresh()

    def next_here(self, step: int) -> None:
        """Move to the next (1) or previous (-1) point in the same cell."""
        here = self.here
        if here:
            self._go_to(here[(here.index(self.current) + step) % len(here)])

    def on_click(self, event: Click) -> None:
        """Move to the point nearest to the mouse."""
        place = event.get_content_offset(self)
        if len(self._cells) and place is not None:
            distance = np.abs(self._cells - [place.y, place.x]).sum(axis=1)
            self._go_to(int(distance.argmin()))

    def on_resize(self, event: Resize) -> None:
        self._draw()
        self._follow()

    def _go_to(self, point: int) -> None:
        self.current = point
        self.refresh()
        self._follow()

    def _draw(self) -> None:
        """Draw the letter of the most frequent kind in every cell."""
        width, height = self.size
        scatter = self._scatter
        if scatter is None or not len(scatter.points) or not (width and height):
            self._cells = np.zeros((0, 2), dtype=np.int64)
            return
        self._cells = cells_of(scatter.points, width, height)
        self._drawn = [[(" ", "")] * width for _ in range(height)]
        rows = np.concatenate([self._cells, scatter.kinds[:, None]], axis=1)
        found, counts = np.unique(rows, axis=0, return_counts=True)
        for index in np.argsort(counts, kind="stable"):
            row, column, kind = found[index].tolist()
            self._drawn[row][column] = mark_of(kind), look_of(kind)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        if not len(self._cells) or y >= len(self._drawn):
            return Strip.blank(self.size.width, base)
        row, column = self._cells[self.current].tolist()
        line = [(*cell, (y, x) == (row, column)) for x, cell in enumerate(self._drawn[y])]
        segments = []
        for (style, under), same in groupby(line, key=lambda cell: cell[1:]):
            look = base + text_style(self, f"scatter--{style}") if style else base
            text = "".join(cell[0] for cell in same)
            segments.append(Segment(text, look + _CURSOR if under else look))
        return Strip(segments).adjust_cell_length(self.size.width, base)
