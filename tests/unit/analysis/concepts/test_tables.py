"""Tables of components: what every cell says, checked against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from msgspec.structs import replace

from analysis.concepts.result import Components, LayerConcepts
from analysis.concepts.tables import (
    CONCEPT_COLUMNS,
    Description,
    concepts_table,
    layer_words_table,
    levels_table,
    rotation_table,
    variance_table,
    words_with_signs,
)


def components(model, shares, words, indices, measures):
    return Components(
        model=model,
        explained_variance=np.array(shares, np.float64),
        words=tuple(words),
        word_indices=np.array(indices, np.int32),
        measures=np.array(measures, np.float32),
    )


def layer(number=3, expert=-1):
    """Three base components and two tuned ones: the last base one has no match."""
    return LayerConcepts(
        layer=number,
        expert=expert,
        base=components(
            "base",
            [0.5, 0.2, 0.1],
            ["one", "two", "-", "a b"],
            [[0, 1], [1, 2], [3, 0]],
            [[0.5, -0.4], [-0.3, 0.2], [-0.2, -0.1]],
        ),
        tuned=components("tuned", [0.4, 0.3], ["x", "one"], [[0, 1], [1, 0]], [[1, -1], [0, 0.5]]),
        matched=np.array([1, 0, -1], np.int32),
        angles=np.array([10.0, 20.0, np.nan]),
        subspace_angles=np.array([30.0, 6.0]),
        notes=(),
        seconds=0.0,
    )


class Given:
    """Descriptions from a dictionary."""

    def __init__(self, known):
        self.known = known

    def find(self, model, layer, expert, component):
        return self.known.get((model, layer, expert, component))


def test_every_component_of_both_models_is_a_row_with_its_match_and_angle():
    table = concepts_table([layer()])
    assert table.columns == CONCEPT_COLUMNS
    assert list(table) == [
        ("base", 3, 0, 0.5, "one -two", None, None, None, 1, 10.0, "0.5 -0.4", 1, 1, 1),
        ("base", 3, 1, 0.2, "-two -", None, None, None, 0, 20.0, "-0.3 0.2", 0, 2, 2),
        ("base", 3, 2, 0.1, "-a b -one", None, None, None, None, None, "-0.2 -0.1", 0, 0, 2),
        ("tuned", 3, 0, 0.4, "x -one", None, None, None, 1, 20.0, "1 -1", 0, 2, 2),
        ("tuned", 3, 1, 0.3, "one x", None, None, None, 0, 10.0, "0 0.5", 1, 1, 1),
    ]


def test_matches_are_followed_in_both_directions():
    three = components("m", [0.5, 0.2, 0.1], ["a"], [[0], [0], [0]], [[1], [1], [1]])
    matched, angles = np.array([1, 2, 0], np.int32), np.array([5.0, 6.0, 7.0])
    tuned = replace(three, model="n")
    cycle = replace(layer(), base=three, tuned=tuned, matched=matched, angles=angles)
    rows = [row[8:10] for row in concepts_table([cycle])]
    assert rows == [(1, 5.0), (2, 6.0), (0, 7.0), (2, 7.0), (0, 5.0), (1, 6.0)]


def test_no_component_of_the_tuned_model_is_matched_by_one_that_has_no_match():
    lonely = replace(layer(), matched=np.full(3, -1, np.int32), angles=np.full(3, np.nan))
    assert {row[8:10] for row in concepts_table([lonely])} == {(None, None)}


def test_descriptions_are_looked_up_by_model_layer_expert_and_component():
    known = {
        ("base", 3, -1, 1): Description("numbers", ("math", "coding"), "semantics"),
        ("tuned", 3, -1, 0): Description("letters", (), None),
        ("tuned", 3, 0, 1): Description("of an expert"),
        ("base", 2, -1, 0): Description("of another layer"),
    }
    rows = [row[5:8] for row in concepts_table([layer()], Given(known))]
    assert rows[1] == ("numbers", "math; coding", "semantics")
    assert rows[3] == ("letters", "", None)
    assert {rows[0], rows[2], rows[4]} == {(None, None, None)}


def test_only_models_of_experts_have_a_column_for_them_at_the_end():
    table = concepts_table([layer(0), layer(1, expert=2)])
    assert table.columns == (*CONCEPT_COLUMNS, "expert")
    # A table can be walked through twice.
    assert [row[1] for row in table] == [0] * 5 + [1] * 5
    assert [row[-1] for row in table] == [None] * 5 + [2] * 5
    for of_layers in (rotation_table, layer_words_table):
        assert of_layers([layer(1, expert=2)]).columns[-1] == "expert"


def test_variance_is_summed_up_and_missing_where_a_model_has_fewer_components():
    rows = list(variance_table(layer()))
    assert [row[0] for row in rows] == [0, 1, 2]
    assert [row[1] for row in rows] == [0.5, 0.2, 0.1]
    assert [row[2] for row in rows] == [0.4, 0.3, None]
    assert [row[3] for row in rows] == pytest.approx([0.5, 0.7, 0.8])
    assert rows[1][4] == pytest.approx(0.7)
    assert rows[2][4] is None


def test_rotation_is_the_mean_over_matches_and_over_principal_angles():
    assert list(rotation_table([layer()])) == [(3, 15.0, 18.0, 30.0)]


def test_words_of_a_layer_are_counted_once_and_stand_by_their_component():
    assert words_with_signs(layer().base, 1) == ("-two", "-")
    assert list(layer_words_table([layer()])) == [(3, 1, 1, 3, "x", "two - a b")]


def test_a_layer_without_components_has_no_angles():
    empty = components("none", [], [], np.zeros((0, 2)), np.zeros((0, 2)))
    none = np.zeros(0)
    nothing = replace(layer(), base=empty, tuned=empty, matched=np.zeros(0, np.int32), angles=none)
    nothing = replace(nothing, subspace_angles=none)
    assert list(rotation_table([nothing])) == [(3, None, None, None)]
    assert list(concepts_table([nothing])) == list(variance_table(nothing)) == []


def test_shares_of_levels_are_of_descriptions_that_have_one():
    known = {
        ("base", 3, -1, 0): Description("a", (), "syntax"),
        ("base", 3, -1, 1): Description("b", (), "semantics"),
        ("base", 3, -1, 2): Description("c", (), "syntax"),
        ("tuned", 3, -1, 0): Description("d", (), None),
    }
    rows = list(levels_table([layer()], Given(known)))
    assert {row[0] for row in rows} == {"base"}
    shares = {row[2]: row[3] for row in rows}
    assert shares["syntax"] == pytest.approx(200 / 3)
    assert shares["phonology"] == 0
    assert math.isclose(sum(shares.values()), 100)
    assert {row[4] for row in rows} == {3}
