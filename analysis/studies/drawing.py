"""Draws the figures of a study with matplotlib: SVG for print, PNG for everything else.

It avoids pyplot, global figures and the user's own style, so the same data gives the same file, and
the app can draw in any thread. Colours are Okabe and Ito's, safe for colour-blind readers; markers
and hatching distinguish the series without colour too.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.studies.findings import Figure, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

FORMATS = ("svg", "png")
"""File suffixes of a figure."""

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES = ("-", "--", ":")
_HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo")
_STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "svg.hashsalt": "insttui",
    # A dollar sign in a model's name must not start a formula.
    "text.parse_math": False,
}
_INCHES = (7.0, 4.2)
_DOTS_PER_INCH = 150
_MOST_MARKERS = 24
_MOST_TICKS = 20
_LINE_CHARACTERS = 76
_COLUMN_CHARACTERS = 28
_MOST_IN_A_ROW = 4
_BAND = 0.18


def save_figure(figure: Figure, folder: Path) -> tuple[Path, ...]:
    """Draw a figure into files named after it, one per format in `FORMATS`; may raise OSError."""
    with _style():
        canvas = _draw(figure)
        paths = []
        for suffix in FORMATS:
            path = folder / f"{figure.name}.{suffix}"
            # Without date and version, equal data gives equal bytes.
            nothing = {"Date": None} if suffix == "svg" else {"Software": None}
            canvas.savefig(path, format=suffix, dpi=_DOTS_PER_INCH, metadata=nothing)
            paths.append(path)
    return tuple(paths)


@contextmanager
def _style() -> Iterator[None]:
    """Our style on matplotlib's defaults, ignoring the user's own settings."""
    from matplotlib import style

    with style.context(["default", _STYLE]):
        yield


def _draw(figure: Figure) -> Canvas:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=_INCHES, layout="constrained")
    axes = canvas.add_subplot()
    places = _places(figure.series)
    if figure.kind == "bars":
        _draw_bars(axes, figure.series, places)
    else:
        for index, series in enumerate(figure.series):
            _draw_line(axes, series, index, places)
    _label(canvas, axes, figure, places)
    return canvas


def _places(series: Sequence[Series]) -> dict[float | str, float]:
    """Positions on the x axis: numbers at their value, names one after another."""
    all_x = dict.fromkeys(x for each in series for x in each.x)
    if any(isinstance(x, str) for x in all_x):
        return {x: float(place) for place, x in enumerate(all_x)}
    return {x: float(x) for x in all_x}


def _draw_line(axes: Axes, series: Series, index: int, places: dict[float | str, float]) -> None:
    x = [places[each] for each in series.x]
    y = _numbers(series.y)
    colour = _COLOURS[index % len(_COLOURS)]
    step = math.ceil(len(x) / _MOST_MARKERS)
    axes.plot(
        x,
        y,
        color=colour,
        # Past the last colour, lines of one colour differ in their dashes.
        linestyle=_DASHES[index // len(_COLOURS) % len(_DASHES)],
        marker=_MARKERS[index % len(_MARKERS)],
        # Markers of different lines go next to each other, not on top of each other.
        markevery=(index % step, step) if step > 1 else None,
        markersize=5,
        linewidth=1.5,
        label=series.name,
    )
    if series.spread:
        spread = _numbers(series.spread)
        axes.fill_between(
            x,
            [value - each for value, each in zip(y, spread, strict=True)],
            [value + each for value, each in zip(y, spread, strict=True)],
            color=colour,
            alpha=_BAND,
            linewidth=0,
        )


def _draw_bars(axes: Axes, series: Sequence[Series], places: dict[float | str, float]) -> None:
    ordered = sorted(places.values())
    gap = min((after - before for before, after in itertools.pairwise(ordered)), default=1.0)
    width = 0.8 * gap / len(series)
    for index, each in enumerate(series):
        shift = (index - (len(series) - 1) / 2) * width
        axes.bar(
            [places[x] + shift for x in each.x],
            _numbers(each.y),
            width,
            yerr=_numbers(each.spread) if each.spread else None,
            capsize=3,
            error_kw={"linewidth": 1.0},
            color=_COLOURS[index % len(_COLOURS)],
            edgecolor="white",
            hatch=_HATCHES[index % len(_HATCHES)],
            label=each.name,
        )
    if places:
        # Positions without a bar take up room too.
        axes.set_xlim(ordered[0] - 0.6 * gap, ordered[-1] + 0.6 * gap)
    axes.grid(visible=False, axis="x")


def _label(canvas: Canvas, axes: Axes, figure: Figure, places: dict[float | str, float]) -> None:
    axes.set_title(textwrap.fill(figure.title, _LINE_CHARACTERS), fontsize=11, loc="left")
    axes.set_xlabel(figure.x_label)
    axes.set_ylabel(textwrap.fill(figure.y_label, _COLUMN_CHARACTERS))
    if any(isinstance(x, str) for x in places):
        step = math.ceil(len(places) / _MOST_TICKS)
        shown = list(places.items())[::step]
        # Each label has an equal share of the line; a longer one would overlap its neighbour.
        crowded = max(len(str(x)) for x, _ in shown) > _LINE_CHARACTERS // len(shown)
        axes.set_xticks([place for _, place in shown], [str(x) for x, _ in shown])
        if crowded:
            axes.tick_params(axis="x", labelrotation=30)
            for label in axes.get_xticklabels():
                label.set_horizontalalignment("right")
    elif all(place.is_integer() for place in places.values()):
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(figure.series) > 1:
        # Below the axes, where the legend covers no data.
        canvas.legend(loc="outside lower center", ncols=min(len(figure.series), _MOST_IN_A_ROW))


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if each is None else each for each in values]
