"""Filters of cases, and what is exported of them."""

from __future__ import annotations

from itertools import accumulate

import pytest

from analysis.saliency.cases.library import Case
from app.views.cases.case_list import Filters, rating_choices, table


def case(name, dataset, rating, prompt="p"):
    return Case(name, dataset, prompt, (3, 3), (None, rating))


CASES = (
    case("a", "x", 4.0, "Say straße [b]now[/b]"),
    case("b", "y", 1.0),
    case("c", "x", None),
    case("d", "y", 2.0),
)
SCORES = {"a": (1.0, 0.5), "b": (0.2, 2.0), "d": (3.0, 3.5)}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), "abcd"),
        (Filters(dataset="x"), "ac"),
        (Filters(rating="2 and more"), "ad"),
        (Filters(rating="below 2"), "b"),
        (Filters(rating="not rated"), "c"),
        (Filters(rating="4"), "a"),
    ],
)
def test_a_filter_admits_what_it_says(filters, expected):
    assert "".join(each.id for each in CASES if filters.admits(each)) == expected


def test_stepping_through_filters_comes_back_to_all():
    steps = accumulate(range(3), lambda each, _: each.next_dataset(("x", "y")), initial=Filters())
    assert [each.dataset for each in steps] == ["", "x", "y", ""]
    assert rating_choices(CASES) == ("2 and more", "below 2", "1", "2", "4", "not rated")


def test_the_table_has_a_row_for_every_listed_case():
    rows = list(table(CASES, SCORES, ("base", "tuned")))
    assert rows[0] == ("a", "x", "marked", 4.0, 1.0, 0.5, -0.5, "Say straße [b]now[/b]")
    assert rows[2] == ("c", "x", "marked", None, None, None, None, "p")
