"""The rows say of every unit in a set what it is, in both models, and the summaries count them."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.neurons.pair import Thresholds, pair_sets
from analysis.neurons.result import Frequencies
from analysis.neurons.tables import (
    COLUMNS,
    SUMMARY_COLUMNS,
    frequencies_table,
    sizes_table,
    summary_table,
    units_table,
)
from analysis.problems import ProblemError
from tests.support.scripted_components import layer_frequencies
from tests.support.studies import rows

HIGH, LOW = 0.9, 0.1


def layer(shares, experts, sizes):
    """One layer on one instruction, with planted shares of tokens."""
    return layer_frequencies(np.array([shares]), np.array([experts]), sizes)


def model(name, by_category):
    return [
        Frequencies(name, category, 1, 10, tuple(layers), (), 0.0)
        for category, layers in by_category.items()
    ]


def dense(*layers):
    return [layer(shares, (), (len(shares),)) for shares in layers]


@pytest.fixture
def pair():
    """Neuron 0 is general and kept, 1 is lost by code, 2 gained by it, 3 is math's alone."""
    base = {
        "code": dense((HIGH, HIGH, LOW, LOW), (LOW, LOW)),
        "math": dense((HIGH, LOW, LOW, HIGH), (LOW, LOW)),
    }
    tuned = {
        "code": dense((HIGH, LOW, HIGH, LOW), (LOW, LOW)),
        "math": dense((HIGH, LOW, LOW, HIGH), (LOW, HIGH)),
    }
    return pair_sets(model("b", base), model("t", tuned), Thresholds())


def test_every_unit_of_a_set_has_a_row(pair):
    table = units_table(pair)
    high, low = float(np.float32(HIGH)), float(np.float32(LOW))
    assert table.columns == COLUMNS
    assert {row[9:12] for row in table} == {("threshold", 0.5, 0.75)}
    assert [row[:9] for row in table] == [
        ("b", "code", 0, None, 0, high, True, False, "kept"),
        ("b", "code", 0, None, 1, high, False, True, "lost"),
        ("b", "math", 0, None, 0, high, True, False, "kept"),
        ("b", "math", 0, None, 3, high, False, True, "kept"),
        ("t", "code", 0, None, 0, high, True, False, "kept"),
        ("t", "code", 0, None, 2, high, False, True, "gained"),
        ("t", "math", 0, None, 0, high, True, False, "kept"),
        ("t", "math", 0, None, 3, high, False, True, "kept"),
        ("t", "math", 1, None, 1, high, False, True, "gained"),
    ]
    elsewhere = {0: (2, high, 2), 3: (1, high, 1)}
    changed = [(1, low, 0) if row[8] != "kept" else elsewhere[row[4]] for row in table]
    assert [row[12:] for row in table] == changed
    assert list(table) == list(table)


def test_a_unit_has_a_frequency_in_every_category_inside_its_set_or_not(pair):
    high, low = float(np.float32(HIGH)), float(np.float32(LOW))
    assert list(frequencies_table(pair, 0, -1, 1, "neurons")) == [
        (0, None, 1, "code", high, low, True, False),
        (0, None, 1, "math", low, low, False, False),
    ]
    here = [layer((LOW, HIGH, LOW, LOW, LOW, LOW, HIGH), (0.5, 0.1), (2, 2, 3))]
    found = model("m", {"code": here})
    mixture = pair_sets(found, found, Thresholds())
    assert list(frequencies_table(mixture, 0, 2, 6, "neurons")) == [
        (0, 2, 2, "code", high, high, True, True)
    ]
    assert list(frequencies_table(mixture, 0, 1, 1, "experts")) == [
        (0, 1, None, "code", low, low, False, False)
    ]


def test_the_summary_has_overlaps_alterations_and_sizes(pair):
    table = summary_table(pair)
    assert table.columns == SUMMARY_COLUMNS
    overlaps = [row for row in rows(table) if row["summary"] == "overlap"]
    assert [(r["model"], r["category"], r["size"], r["shared"]) for r in overlaps] == [
        ("b", "code", 2, 1),
        ("b", "math", 2, 1),
        ("t", "code", 2, 1),
        ("t", "math", 3, 1),
    ]
    assert [r["jaccard"] for r in overlaps] == pytest.approx([1 / 3, 1 / 3, 1 / 4, 1 / 4])
    assert [r["containment"] for r in overlaps] == pytest.approx([1 / 2, 1 / 2, 1 / 2, 1 / 3])
    altered = [row for row in rows(table) if row["summary"] == "alteration"]
    names = ("category", "layer", "kept", "lost", "gained", "jaccard")
    assert [tuple(row[name] for name in names) for row in altered] == [
        ("code", None, 1, 1, 1, pytest.approx(1 / 3)),
        ("code", 0, 1, 1, 1, pytest.approx(1 / 3)),
        ("code", 1, 0, 0, 0, None),
        ("math", None, 2, 0, 1, pytest.approx(2 / 3)),
        ("math", 0, 2, 0, 0, 1.0),
        ("math", 1, 0, 0, 1, 0.0),
    ]
    sizes = [row for row in rows(table) if row["summary"] == "size" and row["model"] == "t"]
    names = ("category", "layer", "size", "unique", "general", "of", "instructions")
    assert [tuple(row[name] for name in names) for row in sizes[:3]] == [
        ("code", None, 2, 1, 1, 6, 1),
        ("math", None, 3, 2, 1, 6, 1),
        ("code", 0, 2, 1, 1, 4, None),
    ]


def test_sizes_are_counted_by_layer(pair):
    assert [row for row in sizes_table(pair) if row[1] == "t"] == [
        ("neurons", "t", 0, "code", 2, 1, 1, 4),
        ("neurons", "t", 0, "math", 2, 1, 1, 4),
        ("neurons", "t", 1, "code", 0, 0, 0, 2),
        ("neurons", "t", 1, "math", 1, 1, 0, 2),
    ]


def test_an_expert_comes_before_neurons_and_a_shared_one_last():
    # Two routed experts of two neurons, and a shared one of three.
    here = [layer((LOW, HIGH, LOW, LOW, LOW, LOW, HIGH), (0.5, 0.1), (2, 2, 3))]
    found = model("m", {"code": here})
    table = units_table(pair_sets(found, found, Thresholds()))
    assert [row[2:6] for row in table][:3] == [
        (0, 0, None, 0.5),
        (0, 0, 1, float(np.float32(HIGH))),
        (0, 2, 2, float(np.float32(HIGH))),
    ]
    kinds = {row[1] for row in summary_table(pair_sets(found, found, Thresholds()))}
    assert kinds == {"neurons", "experts"}


def test_models_that_are_built_differently_are_refused():
    narrow, wide = (model("m", {"code": dense([LOW] * n)}) for n in (3, 4))
    with pytest.raises(ProblemError, match="neuron by neuron"):
        pair_sets(narrow, wide, Thresholds())


@pytest.mark.parametrize(
    "given", [{"epsilon": 0.33}, {"tau": -0.1}, {"expert_epsilon": 1.5}], ids=str
)
def test_thresholds_out_of_bounds_are_refused_at_once(given):
    with pytest.raises(ProblemError):
        Thresholds.of(given)
    assert Thresholds.of({"epsilon": None, "tau": 0.5, "seed": 3}) == Thresholds(tau=0.5)


def test_the_reading_says_that_it_is_ours():
    assert Thresholds(0.4, 0.6).reading(mixture=False).startswith("Our reading")
    assert "40% of its tokens" in Thresholds(0.4, 0.6).reading(mixture=False)
    assert "routed" in Thresholds().reading(mixture=True)
    assert "rule “threshold”" in Thresholds().reading(mixture=False)
    other = Thresholds.of({"rule": "percentile", "tau": 0.0})
    assert other == Thresholds(0.05, 0.0, rule="percentile")
    assert "highest 5% of all layers" in other.reading(mixture=False)
    assert "specific to any instruction; this last step, τ, is ours" in other.reading(mixture=True)
    with pytest.raises(ProblemError, match=r"up to 0\.2"):
        Thresholds(0.5, rule="percentile")
