"""Mean, deviation, the t-tests and the permutation test agree with scipy's."""

import math

import numpy as np
import pytest
from scipy.stats import permutation_test, ttest_1samp, ttest_ind

from analysis.statistics.inference import Sample, mean_above_p_value, pairing_p_value, welch_p_value


def test_the_deviation_is_the_populations_and_no_values_have_no_mean():
    assert Sample.of([1.0, 3.0]) == Sample(count=2, mean=2.0, deviation=1.0)
    empty = Sample.of([])
    assert (empty.count, math.isnan(empty.mean), math.isnan(empty.deviation)) == (0, True, True)


@pytest.mark.parametrize(("sizes", "shift"), [((30, 7), 0.5), ((2, 90), 0.0), ((12, 12), -1.0)])
def test_the_p_value_is_scipys_for_unequal_variances(sizes, shift):
    random = np.random.default_rng(1)
    first = (random.normal(size=sizes[0]) + shift).tolist()
    second = (3 * random.normal(size=sizes[1])).tolist()
    expected = ttest_ind(first, second, equal_var=False, alternative="greater").pvalue
    assert welch_p_value(first, second) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("first", "second"), [([], [1.0]), ([1.0], [1.0, 2.0]), ([1.0] * 3, [2.0] * 3)]
)
def test_where_the_test_is_undefined_there_is_no_p_value(first, second):
    assert welch_p_value(first, second) is None


@pytest.mark.parametrize(("count", "expected"), [(2, 0.0), (30, 0.4), (30, -0.4)])
def test_the_p_value_of_a_mean_is_scipys(count, expected):
    values = np.random.default_rng(2).normal(size=count).tolist()
    wanted = ttest_1samp(values, expected, alternative="greater").pvalue
    assert mean_above_p_value(values, expected) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0]])
def test_a_mean_without_variance_has_no_p_value(values):
    assert mean_above_p_value(values, 0.0) is None


@pytest.mark.parametrize("like", [0.0, 0.3])
@pytest.mark.parametrize("count", [2, 5, 9])
def test_the_p_value_of_a_pairing_is_scipys(count, like):
    values = np.random.default_rng(count).random((count, count)) + like * np.eye(count)
    wanted = permutation_test(
        (np.arange(count),),
        lambda order: np.mean([values[a, b] for a, b in enumerate(order)]),
        permutation_type="pairings",
        alternative="greater",
        n_resamples=5000,
    ).pvalue
    exact = count < 8
    assert pairing_p_value(values) == pytest.approx(wanted, abs=1e-12 if exact else 0.04)


@pytest.mark.parametrize("values", [np.zeros((0, 0)), [[1.0]], [[1.0, math.nan], [0.0, 1.0]]])
def test_a_pairing_of_nothing_has_no_p_value(values):
    assert pairing_p_value(values) is None


def test_things_that_are_all_alike_go_with_anything():
    assert pairing_p_value([[0.1, 0.1], [0.1, 0.1]]) == 1.0
