"""Line plots as text: braille dots, or a letter a cell in plain ASCII.

Lines differ by their dashes as well as by colour, so that NO_COLOR loses nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.terminal_text import fit
from app.widgets.lines import Line, Part

DASHES = ("1", "11110000", "1000", "1111111000100")
"""Which dots along a line are drawn, over and over, a pattern for each series."""
LETTERS = "ox+*"
"""What a series is drawn with in ASCII; # where two meet."""

_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.int64)
_BLANK = 0x2800


@dataclass(frozen=True)
class Series:
    """A line.

    Attributes:
        name: What the legend calls it, harmless.
        x: [n], rising.
        y: [n], not negative; the line leads over a NaN.
    """

    name: str
    x: ArrayLike
    y: ArrayLike


@dataclass(frozen=True)
class PlotData:
    """A plot: its title, which says what is drawn by what, and at most four series."""

    title: str
    series: tuple[Series, ...]


def plot_lines(data: PlotData, width: int, height: int, *, ascii_only: bool = False) -> list[Line]:
    """A plot as lines: title, legend, the drawing from zero upwards, the axis and its numbers.

    The style of a part is the number of its series, ``axis``, or empty.
    """
    rows = height - 4
    points = [_finite(each) for each in data.series]
    present = np.concatenate([np.zeros((2, 0)), *points], axis=1)
    highest = float(present[1].max(initial=0.0)) or 1.0
    step = _round_step(highest / max(2, rows // 3))
    y_ticks = [step * number for number in range(math.ceil(highest / step - 1e-9) + 1)]
    label_cells = max(4, *(len(f"{tick:g}") for tick in y_ticks)) + 1
    columns = width - label_cells - 1
    title = (fit(data.title, max(0, width)), "")
    if columns < 8 or rows < 2 or not present.size:
        why = "no room for a plot" if present.size else "nothing to plot yet"
        return [[title], [(why, "axis")]]
    x_first, x_last = float(present[0].min()), float(present[0].max())
    x_last = max(x_last, x_first + 1)
    cells, owner = np.zeros((rows, columns), np.int64), np.full((rows, columns), -1)
    for number, (x, y) in enumerate(points):
        across = (x - x_first) / (x_last - x_first)
        _draw(cells, owner, number, across, 1 - y / y_ticks[-1], ascii_only)
    labels = {round((1 - tick / y_ticks[-1]) * (rows - 1)): f"{tick:g}" for tick in y_ticks}
    bar, corner, dash, mark = "|+-+" if ascii_only else "│└─┬"
    lines: list[Line] = [[title], _legend(data, ascii_only)]
    for row in range(rows):
        label = f"{labels.get(row, ''):>{label_cells}}{bar}"
        lines.append([(label, "axis"), *_parts(cells[row], owner[row])])
    axis, numbers = [dash] * columns, [" "] * width
    step = max(1.0, _round_step((x_last - x_first) / max(1, columns // 10)))
    for number in range(math.ceil(x_first / step), math.floor(x_last / step) + 1):
        tick = step * number
        column, text = round((tick - x_first) / (x_last - x_first) * (columns - 1)), f"{tick:g}"
        start = min(label_cells + 1 + column - len(text) // 2, width - len(text))
        axis[column], numbers[start : start + len(text)] = mark, text
    lines.append([(" " * label_cells + corner + "".join(axis), "axis")])
    lines.append([("".join(numbers), "axis")])
    return lines


def _finite(series: Series) -> NDArray[np.float64]:
    """Its points as [2, n], those with a number."""
    points = np.array([series.x, series.y], dtype=np.float64)
    return points[:, np.isfinite(points).all(axis=0)]


def _draw(
    cells: NDArray[np.int64],
    owner: NDArray[np.int64],
    number: int,
    across: NDArray[np.float64],
    down: NDArray[np.float64],
    ascii_only: bool,
) -> None:
    """Draw a line into cells and their owners, both [rows, columns], from points in 0 to 1."""
    wide, high = (1, 1) if ascii_only else (2, 4)
    x, y = across * (cells.shape[1] * wide - 1), down * (cells.shape[0] * high - 1)
    dots_x, dots_y = _path(x, y, "1" if ascii_only else DASHES[number])
    place = dots_y // high, dots_x // wide
    if ascii_only:
        met = (owner[place] >= 0) & (owner[place] != number)
        cells[place] = np.where(met, ord("#"), ord(LETTERS[number]))
    else:
        np.bitwise_or.at(cells, place, _BLANK + _BITS[dots_y % high, dots_x % wide])
    owner[place] = number


def _path(x: NDArray[np.float64], y: NDArray[np.float64], dashes: str) -> NDArray[np.int64]:
    """The dots [2, n] of the lines from point to point."""
    if not len(x):
        return np.zeros((2, 0), np.int64)
    along = np.cumsum([0.0, *np.maximum(np.abs(np.diff(x)), np.abs(np.diff(y)))])
    at = np.linspace(0, along[-1], math.ceil(along[-1]) + 1)
    drawn = np.array([dash == "1" for dash in dashes])[np.arange(len(at)) % len(dashes)]
    path = np.array([np.interp(at[drawn], along, each) for each in (x, y)])
    return np.asarray(np.rint(path), np.int64)


def _round_step(least: float) -> float:
    """The next number of 1, 2, 5, 10, ..., in any power of ten."""
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
    """A row of cells as parts of one style each."""
    ends = [0, *(np.flatnonzero(np.diff(owner)) + 1).tolist(), len(owner)]
    return [
        (
            "".join(chr(cell or 32) for cell in cells[start:end].tolist()),
            str(owner[start]) if owner[start] >= 0 else "",
        )
        for start, end in pairwise(ends)
    ]
