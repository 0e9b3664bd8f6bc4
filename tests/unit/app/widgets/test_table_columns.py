"""How the columns of a table are laid out."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from app.widgets.table_columns import ColumnLayout
from app.widgets.table_rows import Column


def layout_of(columns, rows):
    layout = ColumnLayout(columns, ascii_only=False)
    layout.measure(rows)
    return layout


def line(layout, row, room=80):
    return "".join(text for text, _ in layout.line(row, room))


def heading(layout, room=80, **how):
    parts = layout.heading(room, **{"sorted_by": None, "mark": "▼", **how})
    return "".join(text for text, _ in parts)


def test_numbers_stand_with_their_points_above_each_other():
    rows = [("a", 12.5), ("b", 0.001234), ("c", -3), ("d", None), ("e", 2e-12)]
    layout = layout_of([Column("name"), Column("score")], rows)
    lines = [line(layout, row) for row in rows]
    points = {each.index(".") for each in lines[:2]}
    assert points == {lines[2].index("3") + 1} == {lines[4].index("2e") + 1}
    assert [each.split() for each in lines[:2]] == [["a", "12.5"], ["b", "0.001234"]]


def test_a_heading_ends_where_its_numbers_do_and_its_mark_takes_no_room():
    rows = [("x", 1234, "words")]
    layout = layout_of([Column("name"), Column("n"), Column("text")], rows)
    plain = heading(layout)
    assert plain.index("n ", 5) == line(layout, rows[0]).index("4")
    for number, name in enumerate(("name▼", "▼n", "text▼")):
        marked = heading(layout, sorted_by=number)
        assert name in marked
        assert cell_len(marked) == cell_len(plain)
        assert marked.replace("▼", " ") == plain


@pytest.mark.parametrize("room", [30, 40, 60])
def test_texts_are_cut_and_numbers_never(room):
    rows = [("an id of some length", 123456789, "a text that is much too long for the line")]
    columns = [Column("id", least=6), Column("count"), Column("text", least=6)]
    layout = layout_of(columns, rows)
    shown = line(layout, rows[0], room)
    assert "123456789" in shown
    assert "…" in shown
    assert cell_len(shown.rstrip()) <= room


def test_columns_that_do_not_fit_come_on_and_the_first_stays():
    rows = [tuple(range(1_000_000, 1_000_006))]
    layout = layout_of([Column(f"column {number}") for number in range(6)], rows)
    assert not layout.is_whole(30)
    assert layout.shown(30) == [0, 1, 2]
    layout.move(2, 30)
    assert layout.shown(30) == [0, 3, 4]
    layout.reveal(5, 30)
    assert layout.shown(30) == [0, 4, 5]
    layout.reveal(1, 30)
    assert layout.shown(30) == [0, 1, 2]


def test_a_number_wider_than_those_before_it_makes_room_when_it_is_drawn():
    layout = layout_of([Column("n"), Column("text")], [(1, "a")])
    wide = (1_234_567, "b")
    assert layout.widen(wide)
    assert not layout.widen(wide)
    assert "1234567" in line(layout, wide)
