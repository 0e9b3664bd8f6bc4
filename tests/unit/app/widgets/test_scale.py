"""The colour scale spread over what is there, and cells of a table that it colours."""

from __future__ import annotations

import numpy as np
import pytest
from rich.cells import cell_len

from app.terminal.colours import palette_for
from app.widgets.scale import Span, scale_line
from app.widgets.table_columns import ColumnLayout
from app.widgets.table_rows import Column


def test_the_scale_begins_at_the_lowest_number_there_and_zero_has_a_level_of_its_own():
    span = Span.of([np.array([0.5, np.nan]), np.array([0.95, 0.725])])
    assert (span.lowest, span.highest) == (0.5, 0.95)
    assert span.levels(np.array([0.5, 0.55, 0.95, 0.0, np.nan])).tolist() == [1, 2, 10, 0, 0]


@pytest.mark.parametrize(
    ("values", "levels"), [([0.3, 0.3], [10, 10]), ([0.0, 0.0], [0, 0]), ([], [])]
)
def test_numbers_that_are_all_the_same_have_one_level(values, levels):
    numbers = np.array(values)
    assert Span.of([numbers]).levels(numbers).tolist() == levels
    assert Span.of([]) == Span()


@pytest.mark.parametrize("mono", [False, True])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_legend_shows_every_level_but_nothing_between_its_ends(mono, ascii_only):
    palette = palette_for(dark=True, mono=mono)
    line = scale_line(palette, "0.1", "0.9", ascii_only=ascii_only)
    assert [style for _, style in line[1:-1]] == [f"level {level}" for level in range(1, 11)]
    text = "".join(part for part, _ in line)
    assert cell_len(text) == 10 + len("0.1  0.9")
    assert text.isascii() or not ascii_only


def test_the_ground_of_a_cell_ends_with_it():
    span = Span(0.0, 1.0)
    columns = [Column("change", "{:.2f}".format, span.shade), Column("x")]
    layout = ColumnLayout(columns, ascii_only=False)
    layout.measure([(1.0, "word")])
    cell, gap = layout.line((1.0, "word"), 40)[1:3]
    assert cell[1] == "shade 10"
    assert cell[0].strip() == "1.00"
    assert gap == ("  ", "")
