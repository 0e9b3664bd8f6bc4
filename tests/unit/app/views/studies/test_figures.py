"""A figure's numbers, plot and bars hold every point of every series, at its place."""

from __future__ import annotations

import math

import numpy as np

from analysis.studies.findings import Figure, Series
from app.terminal.text import prose
from app.views.studies.figures import bars_of, numbers_of, plot_of


def figure(*series, kind="lines"):
    return Figure("name", "A title", "layer", "share", series, kind)


def test_series_with_different_places_share_one_table():
    base = Series("base", (0, 2), (0.5, None), (0.1, None))
    table = numbers_of(figure(base, Series("tuned", (1, 2), (1.5, 2.5))))
    assert table.columns == ("layer", "base", "± base", "tuned")
    assert list(table) == [(0, 0.5, 0.1, None), (1, None, None, 1.5), (2, None, None, 2.5)]


def test_a_plot_has_the_same_points_in_rising_order():
    plot = plot_of(figure(Series("base", (3, 1, 2), (0.3, 0.1, None))), prose)
    (line,) = plot.series
    assert line.x == (1, 2, 3)
    assert line.y[0] == 0.1
    assert math.isnan(line.y[1])
    assert plot.title == "share by layer"
    assert plot.names == ()


def test_names_stand_in_the_order_in_which_they_come():
    places = ("start", "middle\x1b", "end")
    plot = plot_of(figure(Series("a", places, (1.0, 2.0, 3.0), (0.1, None, 0.3))), prose)
    assert plot.names == ("start", "middle␛", "end")
    (line,) = plot.series
    assert line.x == (0.0, 1.0, 2.0)
    np.testing.assert_array_equal(line.spread, [0.1, np.nan, 0.3])


def test_bars_of_one_place_stand_together():
    series = Series("base", ("x", "y"), (0.5, None)), Series("tuned", ("y",), (-1.0,), (0.25,))
    bars = bars_of(figure(*series, kind="bars"), prose)
    assert [(bar.group, bar.name, bar.number) for bar in bars] == [
        ("x", "base", "0.5"),
        ("y", "base", "–"),
        ("y", "tuned", "-1 ± 0.25"),
    ]
