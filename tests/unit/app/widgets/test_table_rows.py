"""Which rows of a table are shown, in which order."""

from __future__ import annotations

import pytest

from app.widgets.table_rows import Arrangement, Column, Rows, TableRows

ROWS = [
    ("beta", 10, 0.5, None),
    ("Alpha", 9, None, "x"),
    (None, 100, -2.0, ""),
    ("gamma", None, 1e-9, "X y"),
    ("alpha", 9, 0.5, "10"),
]
COLUMNS = [Column(name) for name in ("name", "count", "share", "note")]


def arranged(**how):
    return [*TableRows(COLUMNS, Rows.of(ROWS)).arranged(Arrangement(**how))]


@pytest.mark.parametrize(
    ("column", "rising", "falling"),
    [
        # Names by letter whatever their case; ties stay as they come; nothing comes last.
        (0, [1, 4, 0, 3, 2], [3, 0, 1, 4, 2]),
        # Nine before ten, and not after.
        (1, [1, 4, 0, 2, 3], [2, 0, 1, 4, 3]),
        (2, [2, 3, 0, 4, 1], [0, 4, 3, 2, 1]),
    ],
)
def test_a_column_sorts_by_its_values_with_what_is_missing_last(column, rising, falling):
    assert arranged(column=column) == rising
    assert arranged(column=column, falling=True) == falling


def test_a_number_that_is_none_comes_last_as_well():
    table = TableRows([Column("value")], Rows.of([(float("nan"),), (-1.0,), (3.0,)]))
    assert table.arranged(Arrangement(column=0)) == [1, 2, 0]
    assert table.arranged(Arrangement(column=0, falling=True)) == [2, 1, 0]


def test_numbers_in_names_are_read_as_numbers():
    rows = [("epoch 10 of 50",), ("epoch 9 of 50",), ("Epoch 9 of 5",)]
    assert TableRows([Column("t")], Rows.of(rows)).arranged(Arrangement(column=0)) == [2, 1, 0]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ALPHA", [1, 4]),
        # In any cells, in any order.
        ("10 al", [4]),
        # What is shown of a number is found, no other digits.
        ("0.5", [0, 4]),
        ("1e-09", [3]),
        # No words run from one cell into the next.
        ("beta10", []),
        ("  ", [0, 1, 2, 3, 4]),
    ],
)
def test_a_row_is_shown_that_has_every_word(words, expected):
    assert arranged(words=words) == expected


def test_what_is_filtered_keeps_the_order():
    assert arranged(column=1, falling=True, words="a") == [0, 1, 4, 3]


def test_numbers_are_read_from_the_largest_down_and_names_from_a():
    table = TableRows(COLUMNS, Rows.of(ROWS))
    assert [table.begins_with_largest(column) for column in range(4)] == [False, True, True, False]
