"""Table 3 on examples made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from analysis.heads.verbs import verb_counts, verb_table
from tests.support.scripted_weights import counted_pairs

NO_TEST = (None,) * 5
"""No p-value and no effect with its name and interval."""


def test_a_verb_counts_once_for_each_different_pair_it_is_in():
    layer = counted_pairs(
        {"write=essay": 5, "Essay=Write": 4, "write=poem": 3, "write=WRITE": 2, "a=b": 2},
        {},
        {"find=write": 2, "rewrite=a": 2},
    )
    assert verb_counts(layer, ["write", "find", "go"]).tolist() == [[3, 0, 0], [0, 0, 0], [1, 1, 0]]


def test_a_share_is_of_the_heads_whose_number_changed():
    """Of four heads: write rises in two, falls in one, stays in one; go falls in one."""
    base = [counted_pairs({"go=a": 2}, {"write=a": 2}, {"write=a": 2}, {})]
    tuned = [counted_pairs({"write=a": 2}, {"write=b": 3}, {}, {"write=a": 2})]
    (row,) = verb_table(base, tuned, 1, ["write", "say"], ["go"]).rows
    assert (row.first, row.last, row.heads) == (0, 0, 4)
    assert (row.instruction.count, row.instruction.mean) == (1, pytest.approx(2 / 3))
    assert (row.general.count, row.general.mean) == (1, 0.0)
    assert row.p_value is None
    assert row.note == "fewer than two instruction verbs changed"


def test_layers_stand_in_four_equal_groups_of_the_whole_model():
    layers = [counted_pairs({}, layer=layer) for layer in (3, 7)]
    table = verb_table(layers, layers, 8, ["write"], ["go"])
    groups = [(row.first, row.last, row.heads) for row in table.rows]
    assert groups == [(0, 1, 0), (2, 3, 1), (4, 5, 0), (6, 7, 1)]
    assert len(verb_table([], [], 3, ["write"], ["go"]).rows) == 3


def test_means_deviations_and_p_values_are_those_of_the_shares():
    """Forty heads of one group; each verb's share is counted by hand from the same draws."""
    random = np.random.default_rng(0)
    verbs = [f"v{i}" for i in range(12)]
    before, after = random.integers(0, 3, (2, 40, 12))

    def layer(numbers):
        return counted_pairs(
            *(
                {f"{verb}=x{i}": 2 for verb, n in zip(verbs, row, strict=True) for i in range(n)}
                for row in numbers.tolist()
            )
        )

    (row,) = verb_table([layer(before)], [layer(after)], 1, verbs[:4], verbs[4:]).rows
    shares = [
        np.mean([b > a for a, b in zip(before[:, i], after[:, i], strict=True) if a != b])
        for i in range(12)
    ]
    assert row.instruction.mean == pytest.approx(np.mean(shares[:4]))
    assert row.instruction.deviation == pytest.approx(np.std(shares[:4]))
    assert row.general.mean == pytest.approx(np.mean(shares[4:]))
    assert row.p_value == pytest.approx(ttest_ind(shares[:4], shares[4:], equal_var=False).pvalue)
    assert row.note == ""


def test_groups_without_variance_say_so():
    base = [counted_pairs({})]
    tuned = [counted_pairs({"write=a": 2, "say=a": 2, "go=a": 2, "eat=a": 2})]
    table = verb_table(base, tuned, 1, ["write", "say"], ["go", "eat"])
    assert list(table.table()) == [
        ("0", 1, 2, 1.0, 0.0, 2, 1.0, 0.0, *NO_TEST, "all shares are the same within both groups")
    ]


def test_groups_without_changes_have_empty_cells():
    layers = [counted_pairs({}, layer=layer) for layer in range(8)]
    rows = list(verb_table(layers, layers, 8, ["write"], ["go"]).table())
    assert rows[0] == ("0-1", 2, 0, None, None, 0, None, None, *NO_TEST, rows[0][-1])
    assert "fewer than two" in rows[0][-1]


def test_layers_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="same layers"):
        verb_table([counted_pairs({}, layer=1)], [counted_pairs({}, layer=2)], 4, ["write"], ["go"])
