"""Filters of cases, and what is exported of them."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest

from analysis.saliency.cases.library import CaseLibrary
from app.views.cases.case_list import Filters, rating_choices, table
from tests.support.case_folders import write_lines

CASES = (("a", "x", 4.0, "Say straße [b]now[/b]"), ("b", "y", 1.0, "p"), ("c", "x", None, "p"))
CASES += (("d", "y", 2.0, "p"),)
MODELS = ("base", "tuned")


@pytest.fixture
def library(tmp_path):
    """Four cases, three of them rated."""
    entries = [
        {"id": name, "dataset": dataset, "prompt": prompt, "prompt_tokens": ["▁p"]}
        for name, dataset, _, prompt in CASES
    ]
    write_lines(tmp_path / "cases.jsonl", entries)
    rated = [
        {"id": name, "model": "tuned", "rating": rating} for name, _, rating, _ in CASES if rating
    ]
    write_lines(tmp_path / "ratings.jsonl", rated)
    for model in MODELS:
        answers = [{"id": each[0], "response_tokens": ["▁r"]} for each in CASES]
        write_lines(tmp_path / f"responses_{model}.jsonl", answers)
        maps = {each[0]: np.array([[9]], np.uint8) for each in CASES}
        np.savez(tmp_path / f"salience_{model}.npz", **maps)
    return CaseLibrary.open(tmp_path)


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
def test_a_filter_admits_what_it_says(library, filters, expected):
    numbers = filters.admitted(library)
    assert "".join(library.numbered(number).id for number in numbers.tolist()) == expected


def test_stepping_through_filters_comes_back_to_all(library):
    steps = accumulate(range(3), lambda each, _: each.next_dataset(("x", "y")), initial=Filters())
    assert [each.dataset for each in steps] == ["", "x", "y", ""]
    choices = rating_choices(library.rating_shown)
    assert choices == ("2 and more", "below 2", "1", "2", "4", "not rated")


def test_the_table_has_a_row_for_every_listed_case(library):
    library.known.scores[:, 0], library.known.scored[0] = (1.0, 0.5), True
    rows = list(table(library, [0, 2]))
    assert rows[0] == ("a", "x", "marked", 4.0, 1.0, 0.5, -0.5, "Say straße [b]now[/b]")
    assert rows[1] == ("c", "x", "marked", None, None, None, None, "p")
