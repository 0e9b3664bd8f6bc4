"""Lines drawn with dots are where the numbers say, at any size, without colour and in ASCII."""

from __future__ import annotations

import re

import numpy as np
import pytest
from rich.cells import cell_len

from app.widgets.line_drawing import LETTERS, PlotData, Series, plot_lines

_LABELS = 6
# Row and column of the dot of each bit of a braille character.
_DOTS = ((0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1))


def texts(data, width, height, **options):
    return [
        "".join(text for text, _ in line) for line in plot_lines(data, width, height, **options)
    ]


def drawing(lines):
    """The characters within the axes: [rows, columns]."""
    return [line[_LABELS:] for line in lines[2:-2]]


def dots(rows):
    """The dots of braille characters as (x, y) from the lower left corner."""
    found = []
    for row, text in enumerate(rows):
        for column, character in enumerate(text):
            bits = ord(character) - 0x2800 if character != " " else 0
            for bit, (down, across) in enumerate(_DOTS):
                if bits >> bit & 1:
                    found.append((2 * column + across, 4 * len(rows) - 1 - (4 * row + down)))
    return found


def one(y, name="line"):
    return PlotData("title", (Series(name, np.arange(len(y)), y),))


def test_every_dot_lies_on_the_line():
    y = np.array([0.0, 9.1, 5.0, 5.0, 0.0])
    lines = texts(one(y), 80, 30)
    rows = drawing(lines)
    found = dots(rows)
    wide, high = 2 * (80 - _LABELS) - 1, 4 * len(rows) - 1
    assert {x for x, _ in found} == set(range(wide + 1))
    top = max(float(line[:5]) for line in lines[2:-2] if line[:5].strip())
    assert top == 10
    for x, dot in found:
        # The line within half a dot to either side.
        at = np.linspace(x - 0.5, x + 0.5, 21) / wide * 4
        around = np.interp(at, np.arange(5), y) / top * high
        assert around.min() - 0.51 <= dot <= around.max() + 0.51


def test_the_numbers_at_the_axes_stand_at_their_places():
    lines = texts(PlotData("title", (Series("a", [0, 100], [0, 40]),)), 80, 25)
    numbers = {row: int(line[:5]) for row, line in enumerate(lines[2:-2]) if line[:5].strip()}
    assert numbers[0] == 40
    assert numbers[len(lines) - 5] == 0
    rows = len(lines) - 4
    for row, number in numbers.items():
        assert row == pytest.approx((1 - number / 40) * (rows - 1), abs=0.51)
    for found in re.finditer(r"\d+", lines[-1]):
        centre = (found.start() + found.end() - 1) / 2 - _LABELS
        assert centre == pytest.approx(int(found[0]) / 100 * 73, abs=2)


def test_the_second_line_has_gaps_where_the_first_one_has_none():
    flat = np.full(2, 5.0)
    solid = dots(drawing(texts(one(flat), 60, 12)))
    empty = Series("first", [], [])
    second = PlotData("title", (empty, Series("second", [0, 1], flat)))
    dashed = dots(drawing(texts(second, 60, 12)))
    assert len(dashed) < len(solid)
    assert set(dashed) < set(solid)


def test_all_patterns_differ():
    _, legend, *_ = texts(PlotData("title", (Series("s", [0, 1], [1, 1]),) * 4), 60, 12)
    assert len(set(legend.split("s")[:3])) == 3
    x = np.linspace(0, 1, 2)
    drawn = []
    for number in range(4):
        none = tuple(Series("none", [], []) for _ in range(number))
        drawn.append(str(drawing(texts(PlotData("t", (*none, Series("s", x, x))), 60, 12))))
    assert len(set(drawn)) == 4


def test_ascii_has_a_letter_a_line_and_marks_where_two_meet():
    up, down = Series("up", [0, 1, 2], [0, 5, 5]), Series("down", [0, 1, 2], [9, 5, 5])
    lines = texts(PlotData("title", (up, down)), 60, 16, ascii_only=True)
    assert all(line.isascii() for line in lines)
    drawn = "".join(drawing(lines))
    assert set(drawn) - {" "} == {LETTERS[0], LETTERS[1], "#"}
    rows = drawing(lines)
    assert [row[0] for row in rows if row[0] != " "] == [LETTERS[1], LETTERS[0]]
    assert rows[-1][0] == LETTERS[0]


@pytest.mark.parametrize("size", [(80, 24), (240, 60), (20, 7), (7, 3), (1, 1), (0, 0)])
@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize(
    "y",
    [[], [3.0], [0.0], [0.0] * 2, [1e-12, 2e-12], [1e9, 2e9], [np.nan, 2.0], [np.nan], [7.3] * 300],
)
def test_any_numbers_fit_into_any_room(size, ascii_only, y):
    lines = texts(one(np.array(y), name="n"), *size, ascii_only=ascii_only)
    if size[0] >= 20:
        assert all(cell_len(line) <= size[0] for line in lines)
        assert len(lines) <= size[1]


def test_a_line_leads_over_a_missing_number():
    whole = drawing(texts(one([0.0, 1.0, 2.0]), 40, 12))
    assert drawing(texts(one([0.0, np.nan, 2.0]), 40, 12)) == whole


def test_numbers_at_the_axis_are_told_apart():
    lines = texts(PlotData("title", (Series("a", [0, 1], [0.0, 0.0123]),)), 60, 20)
    labels = [line[:5].strip() for line in lines[2:-2] if line[:5].strip()]
    assert len(labels) == len(set(labels)) > 2


def test_negative_numbers_lie_below_zero():
    lines = texts(PlotData("title", (Series("a", [0, 1], [-4, 4]),)), 60, 21)
    numbers = {line[:5].strip(): row for row, line in enumerate(lines[2:-2]) if line[:5].strip()}
    assert numbers["4"] < numbers["0"] < numbers["-4"]
    found = dots(drawing(lines))
    assert min(y for _, y in found) == 0
    assert max(y for _, y in found) == 4 * 17 - 1


def test_names_stand_below_their_points():
    names = ("one", "two", "three")
    lines = texts(PlotData("title", (Series("a", [0, 1, 2], [1, 2, 3]),), names), 60, 15)
    marks = [place for place, mark in enumerate(lines[-2]) if mark == "┬"]
    for name, mark in zip(names, marks, strict=True):
        start = lines[-1].index(name)
        assert start - 1 <= mark <= start + len(name)


def test_a_whisker_reaches_from_below_to_above_its_point():
    plain = PlotData("title", (Series("a", [0, 1, 2], [4, 5, 6]),))
    spread = PlotData("title", (Series("a", [0, 1, 2], [4, 5, 6], [0, 3, 0]),))
    high = 4 * 16 - 1
    added = set(dots(drawing(texts(spread, 60, 20))))
    column = [y for x, y in added if abs(x - 54) <= 1]
    top = 8
    assert min(column) <= round(2 / top * high) + 2
    assert max(column) >= round(8 / top * high) - 2
    assert len(dots(drawing(texts(plain, 60, 20)))) < len(added)
