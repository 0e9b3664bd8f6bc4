"""A study's figure as a plot or as bars, and its numbers as a table."""

from __future__ import annotations

from collections.abc import Callable

from analysis.studies.findings import Figure, Series
from analysis.table import Cell, Table
from app.widgets import line_drawing
from app.widgets.bar_list import Bar
from app.widgets.line_drawing import PlotData

MOST_LINES = 4
"""Lines that can be told apart in one plot."""

_MISSING = float("nan")


def numbers_of(figure: Figure) -> Table:
    """The points of all series: a row per place on the axis, a column per series and its spread."""
    columns = [figure.x_label or "x"]
    for series in figure.series:
        columns.append(series.name)
        if series.spread:
            columns.append(f"± {series.name}")
    rows: dict[float | str, list[Cell]] = {}
    for place in _places(figure):
        rows[place] = [place]
        for series in figure.series:
            at = series.x.index(place) if place in series.x else None
            rows[place].append(None if at is None else series.y[at])
            if series.spread:
                rows[place].append(None if at is None else series.spread[at])
    return Table(tuple(columns), [tuple(row) for row in rows.values()])


def plot_of(figure: Figure, prose: Callable[[str], str]) -> PlotData:
    """A figure of at most `MOST_LINES` series as a plot; `prose` makes text harmless."""
    places = _places(figure)
    named = any(isinstance(place, str) for place in places)
    at: dict[float | str, float] = {}
    for number, place in enumerate(places):
        at[place] = float(number) if isinstance(place, str) or named else place
    title = f"{figure.y_label} by {figure.x_label}" if figure.x_label else figure.y_label
    return PlotData(
        prose(title),
        tuple(_line(series, at, prose) for series in figure.series),
        tuple(prose(str(place)) for place in places) if named else (),
    )


def bars_of(figure: Figure, prose: Callable[[str], str]) -> list[Bar]:
    """A figure's bars, grouped by place on the axis; `prose` makes text harmless."""
    bars: list[Bar] = []
    for place in _places(figure):
        for series in figure.series:
            if place in series.x:
                at = series.x.index(place)
                spread = series.spread[at] if series.spread else None
                group = place if isinstance(place, str) else f"{place:g}"
                bars.append(Bar(prose(group), prose(series.name), series.y[at], spread))
    return bars


def _places(figure: Figure) -> list[float | str]:
    """All places on the axis: numbers sorted, names in order of first appearance."""
    found = list(dict.fromkeys(place for series in figure.series for place in series.x))
    if any(isinstance(place, str) for place in found):
        return found
    return sorted(found)


def _line(
    series: Series, at: dict[float | str, float], prose: Callable[[str], str]
) -> line_drawing.Series:
    points = sorted(
        (at[x], _MISSING if y is None else y, _MISSING if spread is None else spread)
        for x, y, spread in zip(
            series.x, series.y, series.spread or [None] * len(series.y), strict=True
        )
    )
    x, y, spread = zip(*points, strict=True) if points else ((), (), ())
    return line_drawing.Series(prose(series.name), x, y, spread if series.spread else ())
