"""Line plots as text: braille dots, or one letter per cell in plain ASCII.

Lines differ in dash pattern as well as colour, so NO_COLOR loses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rich.cells import cell_len

from app.terminal.text import fit
from app.widgets.lines import Line, Part

DASHES = ("1", "11110000", "1000", "1111111000100")
"""Repeating dash patterns of dots along a line, one per series."""
LETTERS = "ox+*"
"""The letter of each series in ASCII; # where two meet."""

_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.int64)
_BLANK = 0x2800
_WHISKER = "10"


@dataclass(frozen=True)
class Series:
    """A line: `y` [n] over increasing `x` [n]; `name` is its harmless label in the legend.

    The line skips over NaN. `spread` [n] is how far a whisker extends up and down from each point.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    spread: ArrayLike = ()


@dataclass(frozen=True)
class PlotData:
    """At most four series; `names` label the axis at 0, 1, 2, ..., empty for numbers.

    `mark` is a place on the x axis to point at; None for none.
    """

    title: str
    series: tuple[Series, ...]
    names: tuple[str, ...] = ()
    mark: float | None = None


def plot_lines(data: PlotData, width: int, height: int, *, ascii_only: bool = False) -> list[Line]:
    """A plot as lines: title, legend, the drawing with zero in it, the axis and its numbers.

    The style of a part is the number of its series, ``axis``, or empty.
    """
    rows = height - 4
    points = [_finite(each) for each in data.series]
    present = np.concatenate([np.zeros((3, 0)), *points], axis=1)
    lowest, highest = _range(present)
    step = _round_step((highest - lowest) / max(2, rows // 3))
    first, last = math.floor(lowest / step + 1e-9), math.ceil(highest / step - 1e-9)
    y_ticks = [step * number for number in range(first, last + 1)]
    label_cells = max(4, *(len(f"{tick:g}") for tick in y_ticks)) + 1
    columns = width - label_cells - 1
    title = (fit(data.title, max(0, width)), "")
    if columns < 8 or rows < 2 or not present.size:
        why = "no room for a plot" if present.size else "nothing to plot yet"
        return [[title], [(why, "axis")]]
    x_first, x_last = float(present[0].min()), float(present[0].max())
    if data.names:
        x_first, x_last = 0.0, len(data.names) - 1.0
    x_last = max(x_last, x_first + 1)
    top, whole = y_ticks[-1], y_ticks[-1] - y_ticks[0]
    cells, owner = np.zeros((rows, columns), np.int64), np.full((rows, columns), -1)
    for number, (x, y, spread) in enumerate(points):
        across = (x - x_first) / (x_last - x_first)
        for at, low, high in zip(across, y - spread, y + spread, strict=True):
            if high > low:
                # Whiskers of two lines at the same point are drawn side by side.
                beside = np.full(2, min(1.0, at + number / (2 * columns)))
                ends = np.clip([low, high], y_ticks[0], top)
                _draw(cells, owner, number, beside, (top - ends) / whole, ascii_only, _WHISKER)
        _draw(cells, owner, number, across, (top - y) / whole, ascii_only, DASHES[number])
    labels = {round((top - tick) / whole * (rows - 1)): f"{tick:g}" for tick in y_ticks}
    bar = "|" if ascii_only else "│"
    lines: list[Line] = [[title], _legend(data, ascii_only)]
    for row in range(rows):
        label = f"{labels.get(row, ''):>{label_cells}}{bar}"
        lines.append([(label, "axis"), *_parts(cells[row], owner[row])])
    if data.names:
        room = max(3, columns // len(data.names) - 1)
        x_ticks = [(float(place), fit(name, room)) for place, name in enumerate(data.names)]
    else:
        x_ticks = _number_ticks(present[0], x_last, columns)
    ticks = [((tick - x_first) / (x_last - x_first), text) for tick, text in x_ticks]
    mark = None if data.mark is None else (data.mark - x_first) / (x_last - x_first)
    return [*lines, *_axis(ticks, label_cells, columns, ascii_only, mark)]


def _number_ticks(x: NDArray[np.float64], last: float, columns: int) -> list[tuple[float, str]]:
    """Round numbers from the first of `x` to `last`; integers if all of `x` are."""
    first = float(x.min())
    step = _round_step((last - first) / max(1, columns // 10))
    if (x == np.rint(x)).all():
        step = max(1.0, step)
    numbers = range(math.ceil(first / step - 1e-9), math.floor(last / step + 1e-9) + 1)
    return [(step * number, f"{step * number:g}") for number in numbers]


def _axis(
    ticks: Sequence[tuple[float, str]],
    label_cells: int,
    columns: int,
    ascii_only: bool,
    pointed_at: float | None = None,
) -> list[Line]:
    """The axis with marks at its ticks, 0 to 1, their labels below, and one place pointed at."""
    corner, dash, mark = "+-+" if ascii_only else "└─┬"
    width = label_cells + 1 + columns
    axis, texts = [dash] * columns, ""
    for place, text in ticks:
        column = round(place * (columns - 1))
        axis[column] = mark
        start = min(label_cells + 1 + column - cell_len(text) // 2, width - cell_len(text))
        # Every tick gets a mark, but a label only if it fits.
        if not texts or start > cell_len(texts):
            texts += " " * (start - cell_len(texts)) + text
    if pointed_at is not None and 0 <= pointed_at <= 1:
        axis[round(pointed_at * (columns - 1))] = "^" if ascii_only else "▲"
    line = " " * label_cells + corner + "".join(axis)
    return [[(line, "axis")], [(texts, "axis")]]


def _range(present: NDArray[np.float64]) -> tuple[float, float]:
    """The lowest and highest value to draw: zero, all points, and whiskers as far as useful."""
    _, y, spread = present
    lowest = float(min(y.min(initial=0.0), 0.0))
    if lowest < 0:
        lowest = float((y - spread).min(initial=0.0))
    highest = float((y + spread).max(initial=0.0))
    return (lowest, highest) if highest > lowest else (0.0, 1.0)


def _finite(series: Series) -> NDArray[np.float64]:
    """The points with finite values as [3, n]: x, y and spread, 0 if there is none."""
    x, y = (np.asarray(each, dtype=np.float64) for each in (series.x, series.y))
    spread = np.asarray(series.spread, dtype=np.float64)
    points = np.array([x, y, np.nan_to_num(spread) if spread.size else np.zeros_like(y)])
    return points[:, np.isfinite(points).all(axis=0)]


def _draw(
    cells: NDArray[np.int64],
    owner: NDArray[np.int64],
    number: int,
    across: NDArray[np.float64],
    down: NDArray[np.float64],
    ascii_only: bool,
    dashes: str,
) -> None:
    """Draw a line through points in 0 to 1 into cells and their owners, both [rows, columns]."""
    wide, high = (1, 1) if ascii_only else (2, 4)
    x, y = across * (cells.shape[1] * wide - 1), down * (cells.shape[0] * high - 1)
    dots_x, dots_y = _path(x, y, "1" if ascii_only else dashes)
    place = dots_y // high, dots_x // wide
    if ascii_only:
        met = (owner[place] >= 0) & (owner[place] != number)
        cells[place] = np.where(met, ord("#"), ord(LETTERS[number]))
    else:
        np.bitwise_or.at(cells, place, _BLANK + _BITS[dots_y % high, dots_x % wide])
    owner[place] = number


def _path(x: NDArray[np.float64], y: NDArray[np.float64], dashes: str) -> NDArray[np.int64]:
    """The dots [2, n] of the segments between points."""
    if not len(x):
        return np.zeros((2, 0), np.int64)
    along = np.cumsum([0.0, *np.maximum(np.abs(np.diff(x)), np.abs(np.diff(y)))])
    at = np.linspace(0, along[-1], math.ceil(along[-1]) + 1)
    drawn = np.array([dash == "1" for dash in dashes])[np.arange(len(at)) % len(dashes)]
    path = np.array([np.interp(at[drawn], along, each) for each in (x, y)])
    return np.asarray(np.rint(path), np.int64)


def _round_step(least: float) -> float:
    """The next of 1, 2, 5, 10, ..., at any power of ten."""
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(size * power for size in (1, 2, 5, 10) if size * power >= least * 0.999)


def _legend(data: PlotData, ascii_only: bool) -> Line:
    parts: list[Part] = []
    for number, series in enumerate(data.series):
        dots = (DASHES[number] * 8)[:8]
        sample = "".join(
            chr(_BLANK + 0x04 * (left == "1") + 0x20 * (right == "1"))
            for left, right in zip(dots[::2], dots[1::2], strict=True)
        )
        parts.append((LETTERS[number] if ascii_only else sample, str(number)))
        parts.append((f" {series.name}  ", ""))
    return parts


def _parts(cells: NDArray[np.int64], owner: NDArray[np.int64]) -> Line:
    """A row of cells, split into parts of one style each."""
    ends = [0, *(np.flatnonzero(np.diff(owner)) + 1).tolist(), len(owner)]
    return [
        (
            "".join(chr(cell or 32) for cell in cells[start:end].tolist()),
            str(owner[start]) if owner[start] >= 0 else "",
        )
        for start, end in pairwise(ends)
    ]
