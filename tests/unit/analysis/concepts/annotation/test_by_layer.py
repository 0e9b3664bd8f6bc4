"""Figures 3 and 7, and how much was understood, counted by hand."""

from __future__ import annotations

import pytest

from analysis.concepts.annotation.annotation import Annotation, Subject
from analysis.concepts.annotation.by_layer import (
    answer_counts,
    described_by_rank,
    layer_groups,
    levels_by_layer,
)


def annotation(
    layer: int, component: int, repeat: int, level: str | None, *, model: str = "base"
) -> Annotation:
    """Described, or for None without a concept."""
    subject = Subject(model, layer, component, ("a",))
    if level is None:
        return Annotation(subject, repeat, "cannot tell", raw=("Cannot tell", None, None))
    said = {"description": "d", "scenarios": (), "level": level, "raw": ("d", "none", level)}
    return Annotation(subject, repeat, "described", **said)  # type: ignore[arg-type]


def test_layers_are_grouped_with_their_neighbours() -> None:
    made = [annotation(layer, 0, 0, "syntax") for layer in (0, 1, 2, 5, 6, 9, 30)]
    assert layer_groups(made, 3) == [(0, 1, 2), (5, 6), (9, 30)]
    assert layer_groups(made[:2], 8) == [(0,), (1,)]
    assert layer_groups([], 8) == []
    # 32 layers make the paper's eight groups.
    made = [annotation(layer, 0, 0, "syntax") for layer in range(32)]
    assert layer_groups(made, 8) == [tuple(range(each, each + 4)) for each in range(0, 32, 4)]


def test_levels_are_shares_of_a_groups_descriptions() -> None:
    made = [
        annotation(0, 0, 0, "syntax"),
        annotation(0, 1, 0, "semantics"),
        annotation(1, 0, 0, None),
        annotation(0, 0, 1, "semantics"),
        annotation(1, 0, 1, "semantics"),
        annotation(2, 0, 0, "morphology"),
    ]
    rows = {(row[1], row[3]): row for row in levels_by_layer(made, 2)}
    assert rows[0, "syntax"] == ("base", 0, 1, "syntax", 25.0, 25.0, 4)
    assert rows[0, "semantics"] == ("base", 0, 1, "semantics", 75.0, 25.0, 4)
    assert rows[2, "morphology"] == ("base", 2, 2, "morphology", 100.0, None, 1)


def test_a_group_without_descriptions_has_no_share() -> None:
    rows = list(levels_by_layer([annotation(0, 0, 0, None)], 2))
    assert [row[4:] for row in rows] == [(None, None, 0)] * 4


def test_what_can_be_described_is_counted_by_rank() -> None:
    made = [
        annotation(4, component, repeat, "syntax" if component < 3 else None)
        for component in range(5)
        for repeat in range(2)
    ]
    rows = list(described_by_rank(made, ranks=2))
    assert rows == [
        ("base", 4, 0, 4, pytest.approx(60), 0.0, 10),
        ("base", 4, 0, 1, 100.0, 0.0, 4),
        ("base", 4, 2, 3, 50.0, 0.0, 4),
        ("base", 4, 4, 4, 0.0, 0.0, 2),
    ]


def test_answers_are_counted_by_whether_they_were_understood() -> None:
    odd, silent = (Subject("base", 0, component, ("a",)) for component in (3, 4))
    made = [
        annotation(0, 0, 0, "syntax"),
        annotation(0, 1, 0, None),
        Annotation(odd, 0, "unparsed", raw=("?\n?", None, None), unparsed=("description",)),
        Annotation(silent, 0, "unanswered"),
    ]
    assert list(answer_counts(made)) == [
        ("base", "description", 3, 2, 1, 1),
        ("base", "scenarios", 1, 1, 0, 0),
        ("base", "level", 1, 1, 0, 0),
    ]
