"""Where a choice turns and where it changes most, of numbers that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.models.tokens import Tokens
from analysis.patching.request import Part
from analysis.patching.result import Patching, Said
from analysis.patching.sentences import finding, largest_step, turns_at
from analysis.patching.tables import patching_table
from tests.support.studies import rows

NAN = float("nan")


def said(difference: Any) -> Said:
    numbers = np.array(difference, np.float32)
    top = np.where(np.isnan(numbers), -1, np.where(numbers > 0, 2, 1)).astype(np.int32)
    return Said(numbers, np.stack([numbers * 0, numbers], axis=-1), top)


def made(alone: Any, patched: Any, part: Part = "stream") -> Patching:
    nothing = Tokens((), (), ())
    return Patching(
        "B",
        "T",
        "prompt",
        (nothing, nothing),
        nothing,
        part,
        (1, 2),
        {"1": "no", "2": "yes"},
        said(alone),
        said(patched),
        len(patched[0]) - (part == "stream"),
        np.zeros(2, np.float32),
        np.zeros(2, np.float32),
    )


def test_the_choice_turns_where_it_stays_turned() -> None:
    found = made([-1, 3], [[-1, 1, -1, 2, 3], [3, 2, 1, 0.5, -1]])
    # Into base: +1 after layer 0 does not stay.
    assert turns_at(found, 0) == 3
    assert turns_at(found, 1) == 4
    assert largest_step(found, 0) == (2, pytest.approx(0.75))
    assert largest_step(found, 1) == (3, pytest.approx(0.375))
    choice, into_tuned, into_base = finding(found)
    assert choice == "B gives the logit difference “yes” − “no” as -1.00, T as +3.00."
    assert into_base == (
        "With T’s stream at this position, B prefers T’s token from after layer 2 on (3 of 4); the "
        "largest step, 75 % of the way, is across layer 2."
    )
    assert into_tuned == (
        "With B’s stream at this position, T prefers B’s token from after layer 3 on (4 of 4); the "
        "largest step, 38 % of the way, is across layer 3."
    )


def test_what_does_not_turn_is_said_and_so_is_the_share_of_the_head() -> None:
    found = made([-1, 3], [[-1, -0.9, -0.5], [-1, -1, -1]])
    assert turns_at(found, 0) is None
    assert turns_at(found, 1) == 0
    _, into_tuned, into_base = finding(found)
    assert "B does not come to prefer T’s token, even after the last layer" in into_base
    assert into_base.endswith("is across layer 1. The final norm and head make up 88 %.")
    assert "from the embeddings on" in into_tuned


def test_one_choice_and_equal_differences_turn_nothing() -> None:
    same = made([1, 3], [[1, 2, 3], [3, 2, 1]])
    assert turns_at(same, 0) is None
    assert "prefers the same of the two tokens, as both do alone" in finding(same)[1]
    equal = made([1, 1], [[1, 1, 1], [1, 1, 1]])
    assert finding(equal)[1].startswith("The difference is the same in both")
    assert all(row["carried"] is None for row in rows(patching_table([equal])) if row["layer"])


def test_a_part_names_the_layer_that_goes_furthest() -> None:
    found = made([-1, 3], [[-1, NAN, 1.5], [3, NAN, 2]], "attention")
    _, into_tuned, into_base = finding(found)
    assert into_base == (
        "One attention of T at a time in B: that of layer 2 takes the difference furthest, 62 % of "
        "the way; one layer turns the choice by itself."
    )
    assert into_tuned.endswith("25 % of the way; no layer turns the choice by itself.")
    # A layer without attention has no row.
    assert [row["layer"] for row in rows(patching_table([found]))] == [None, 0, 2] * 2
