"""Agreement of two maps: scipy's correlations, and scores counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from analysis.models.tokens import Tokens
from analysis.saliency.agreement import Agreement
from analysis.saliency.density import normalize
from analysis.saliency.map import SaliencyMap

ROWS, COLUMNS = 12, 5


def tokens(count, letter="t"):
    ids = tuple(range(count))
    return Tokens(ids, tuple(f"{letter}{n}" for n in ids), ((0, 1),) * count)


def saliency_map(importance, hidden=()):
    visible = np.ones(len(importance), np.bool_)
    visible[list(hidden)] = False
    importance = importance.astype(np.float32)
    prompt, response = tokens(len(importance)), tokens(importance.shape[1], "r")
    scores = normalize(importance, rows=visible)
    return SaliencyMap("toy", prompt, response, scores, importance, visible)


@pytest.fixture
def pair():
    random = np.random.default_rng(0)
    first = random.normal(size=(ROWS, COLUMNS))
    second = first + random.normal(size=(ROWS, COLUMNS))
    second[3] = second[4]  # Ties share their rank.
    return first.astype(np.float32), second.astype(np.float32)


def test_the_correlations_of_a_column_are_scipys(pair):
    first, second = pair
    agreement = Agreement(saliency_map(first), saliency_map(second))
    for m in range(COLUMNS):
        assert agreement.pearson(m) == pytest.approx(pearsonr(first[:, m], second[:, m])[0])
        assert agreement.spearman(m) == pytest.approx(spearmanr(first[:, m], second[:, m])[0])


def test_overall_every_column_counts_alike_whatever_its_scale(pair):
    first, second = pair
    scale = np.array([1e-6, 1, 10, 1e4, 3], np.float32)
    plain = Agreement(saliency_map(first), saliency_map(second)).overall
    scaled = Agreement(saliency_map(first), saliency_map(second * scale)).overall
    assert scaled == pytest.approx(plain)
    a, b = (each / np.abs(each).max(axis=0) for each in (first, second))
    assert plain == pytest.approx(
        (pearsonr(a.ravel(), b.ravel())[0], spearmanr(a, b, axis=None)[0])
    )


def test_hidden_tokens_take_no_part(pair):
    first, second = pair
    bent = second.copy()
    bent[0] = 1e6
    hidden = Agreement(saliency_map(first, [0]), saliency_map(bent, [0]))
    assert hidden.pearson(1) == pytest.approx(pearsonr(first[1:, 1], second[1:, 1])[0])


def test_scores_are_counted_as_equal_or_one_apart():
    first = saliency_map(np.array([[1.0], [0.91], [0.5], [0.0]]))
    second = saliency_map(np.array([[1.0], [0.89], [0.19], [0.0]]))
    agreement = Agreement(first, second)
    assert agreement.difference[:, 0].tolist() == [0, 1, 3, 0]
    assert (agreement.within(0), agreement.within(1, 0), agreement.within(3)) == (0.5, 0.75, 1.0)


def test_a_column_that_does_not_vary_has_no_correlation():
    flat = saliency_map(np.ones((3, 1)))
    rows = list(Agreement(flat, saliency_map(np.array([[1.0], [2.0], [3.0]]))).table())
    assert rows[0][:4] == (0, "r0", None, None)
    assert rows[1][:4] == (None, None, None, None)


def test_maps_of_different_tokens_are_refused(pair):
    with pytest.raises(ValueError, match="different response_tokens"):
        Agreement(saliency_map(pair[0]), saliency_map(pair[1][:, :3]))
