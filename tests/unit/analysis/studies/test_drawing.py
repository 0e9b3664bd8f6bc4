"""Figures come out the same every time, with all that is in them."""

from __future__ import annotations

import itertools
import re

import matplotlib as mpl
import pytest

from analysis.studies import drawing
from analysis.studies.drawing import save_figure
from analysis.studies.findings import Figure, Series

LINE = Series("base $x$", (0, 1, 2, 3), (1.0, 2.0, None, 4.0), (0.5, 0.1, None, 0.2))
BARS = Series("base", ("a", "b", "c"), (1.0, None, 3.0), (0.5, None, 0.2))


def figure(*series, kind="lines", name="plot"):
    return Figure(name, "A title", "layer", "angle (degrees)", series, kind=kind)


def canvas(drawn):
    """The canvas of a figure, for its texts and lines."""
    with drawing._style():
        return drawing._draw(drawn)


def test_equal_data_give_equal_files(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        save_figure(figure(LINE, Series("tuned", LINE.x, LINE.y)), tmp_path / folder)
    for name in ("plot.svg", "plot.png"):
        first, second = (tmp_path / folder / name for folder in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()
    assert not re.search(r"<dc:date>", (tmp_path / "one" / "plot.svg").read_text())


def test_the_readers_own_style_changes_nothing(tmp_path):
    save_figure(figure(LINE), tmp_path)
    before = (tmp_path / "plot.svg").read_bytes()
    with mpl.rc_context({"lines.linewidth": 9.0, "figure.facecolor": "red", "font.size": 30}):
        save_figure(figure(LINE), tmp_path)
        assert mpl.rcParams["font.size"] == 30
    assert (tmp_path / "plot.svg").read_bytes() == before


@pytest.mark.parametrize("kind", ["lines", "bars"])
@pytest.mark.parametrize(
    "series",
    [
        (LINE,),
        (BARS,),
        (BARS, Series("tuned", ("c", "d"), (1.0, 2.0))),
        (Series("one point", (5,), (1.0,)),),
        (Series("nothing", (), ()),),
        (Series("no value", (0, 1), (None, None), (None, None)),),
        tuple(Series(f"s{n}", tuple(range(300)), (0.0,) * 300) for n in range(9)),
    ],
)
def test_anything_can_be_drawn(tmp_path, series, kind, recwarn):
    for path in save_figure(figure(*series, kind=kind), tmp_path):
        assert path.stat().st_size > 1000
    assert [str(each.message) for each in recwarn] == []


def test_a_legend_only_where_there_are_several_series():
    assert not canvas(figure(LINE)).legends
    (legend,) = canvas(figure(LINE, Series("tuned", LINE.x, LINE.y))).legends
    assert [each.get_text() for each in legend.get_texts()] == ["base $x$", "tuned"]


def test_lines_differ_in_colour_and_in_marker():
    series = [Series(f"s{n}", (0, 1), (0.0, float(n))) for n in range(7)]
    lines = canvas(figure(*series)).axes[0].get_lines()
    assert len({line.get_color() for line in lines}) == 7
    assert len({line.get_marker() for line in lines}) == 7


NAMES = ("code", "general question answering", "generation", "math", "a", "summarisation")


@pytest.mark.parametrize("names", [NAMES, ("a", "b", "c"), ("self-instruct", "lima", "mt-bench")])
@pytest.mark.parametrize(
    "label", ["angle (degrees)", "change in log p beside random neurons (nats per token)"]
)
def test_no_label_is_cut_or_runs_into_another(names, label):
    series = tuple(Series(name, names, (1.0,) * len(names)) for name in ("base", "tuned"))
    drawn = Figure("plot", "A title", "of the neurons", label, series, "bars")
    shown = canvas(drawn)
    shown.draw_without_rendering()
    (axes,) = shown.axes
    labels = [each for each in axes.get_xticklabels() if each.get_text()]
    boxes = [each.get_window_extent() for each in labels]
    for left, right in itertools.pairwise(boxes):
        # A slanted one ends at its place, and stands above those after it.
        assert left.x1 < (right.x1 if labels[0].get_rotation() else right.x0)
    for box in (axes.yaxis.label.get_window_extent(), *boxes):
        assert shown.bbox.x0 <= box.x0 <= box.x1 <= shown.bbox.x1
        assert shown.bbox.y0 <= box.y0 <= box.y1 <= shown.bbox.y1


def test_the_values_are_where_they_belong():
    (axes,) = canvas(figure(LINE)).axes
    (line,) = axes.get_lines()
    assert line.get_xdata().tolist() == [0, 1, 2, 3]
    assert line.get_ydata()[[0, 1, 3]].tolist() == [1, 2, 4]
    (axes,) = canvas(figure(BARS, kind="bars")).axes
    heights = [patch.get_height() for patch in axes.patches]
    assert (heights[0], heights[2]) == (1.0, 3.0)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
