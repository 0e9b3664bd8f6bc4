"""Effect sizes by their formulas, and intervals that cover what they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import gamma
from scipy.stats import kendalltau, nct

from analysis.statistics.effects import Effect, cohens_d, effect_cells, hedges_g, kendalls_tau


def interval_of_t(t, freedom):
    """Centres of the noncentral t distributions that put 2.5 % beyond t, by bisection."""

    def beyond(centre, share):
        return nct.cdf(t, freedom, centre) - share

    return [brentq(beyond, t - 8, t + 8, args=(share,)) for share in (0.975, 0.025)]


@pytest.mark.parametrize(("sizes", "shift"), [((30, 7), 1.0), ((5, 5), 0.0), ((40, 60), -0.5)])
def test_hedges_g_is_the_corrected_difference_in_pooled_deviations(sizes, shift):
    random = np.random.default_rng(sizes[0])
    first, second = random.normal(size=sizes[0]) + shift, random.normal(size=sizes[1])
    n, m = sizes
    freedom = n + m - 2
    pooled = sum(float(((each - each.mean()) ** 2).sum()) for each in (first, second)) / freedom
    d = (first.mean() - second.mean()) / math.sqrt(pooled)
    factor = gamma(freedom / 2) / (math.sqrt(freedom / 2) * gamma((freedom - 1) / 2))
    scale = math.sqrt(n * m / (n + m))
    found = hedges_g(first.tolist(), second.tolist())
    assert found.value == pytest.approx(factor * d)
    ends = [factor * centre / scale for centre in interval_of_t(scale * d, freedom)]
    assert [found.low, found.high] == pytest.approx(ends, abs=1e-4)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("expected", [0.0, 0.5])
def test_cohens_d_is_the_mean_in_deviations(expected):
    values = np.random.default_rng(3).normal(size=12) + 0.7
    found = cohens_d(values.tolist(), expected)
    d = (values.mean() - expected) / values.std(ddof=1)
    assert found.value == pytest.approx(d)
    ends = [centre / math.sqrt(12) for centre in interval_of_t(math.sqrt(12) * d, 11)]
    assert [found.low, found.high] == pytest.approx(ends, abs=1e-4)
    assert cohens_d(values.tolist(), expected, paired=True).name == "Cohen's d of pairs"


def test_intervals_cover_the_true_effect_in_about_95_percent_of_samples():
    random = np.random.default_rng(0)
    covered = {"g": 0, "d": 0}
    for _ in range(600):
        first, second = random.normal(size=9) + 0.8, random.normal(size=14)
        g, d = hedges_g(first.tolist(), second.tolist()), cohens_d(first.tolist())
        covered["g"] += g.low <= 0.8 <= g.high
        covered["d"] += d.low <= 0.8 <= d.high
    assert all(0.92 < count / 600 < 0.98 for count in covered.values())


def test_kendalls_interval_covers_the_true_dependence():
    random = np.random.default_rng(1)
    slope, covered = 0.6, 0
    # Of two normal variables with correlation r, Kendall's tau is 2 arcsin(r) / pi.
    true = 2 / math.pi * math.asin(slope)
    for _ in range(400):
        x = random.normal(size=20)
        y = slope * x + math.sqrt(1 - slope**2) * random.normal(size=20)
        found = kendalls_tau(float(kendalltau(x, y).statistic), 20)
        covered += found.low <= true <= found.high
    assert 0.92 < covered / 400 < 0.98
    for alone in (kendalls_tau(0.5, 4), kendalls_tau(-1.0, 9)):
        assert (alone.low, alone.high) == (None, None)


@pytest.mark.parametrize("values", [[], [1.0], [0.1 + 0.2, 0.3]])
def test_without_two_values_or_variance_there_is_no_effect(values):
    assert cohens_d(values) is None
    assert hedges_g(values, values) is None
    assert effect_cells(None) == (None,) * 4


def test_an_effect_far_out_has_an_interval_or_none_but_no_wrong_one():
    for shift in (50.0, 1e4, 1e9):
        found = hedges_g([shift, shift + 1, shift + 2], [0.0, 1.0, 2.0])
        assert found.low is None or 0 < found.low < found.value < found.high


def test_an_effect_in_words_has_its_interval():
    assert Effect("Hedges' g", 0.412, 0.1, 0.72).in_words() == "Hedges' g 0.41 [0.10, 0.72]"
    assert Effect("Kendall's τ", 1.0).in_words() == "Kendall's τ 1.00"
