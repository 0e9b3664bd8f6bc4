"""Equation 2, the density of paper 4.2 and the instruction score."""

import math

import numpy as np
import pytest

from analysis.saliency.density import importance_density, instruction_score, normalize


@pytest.mark.parametrize(
    ("columns", "scores", "options"),
    [
        ([[-1.0, 2.0, 0.2, 0.21], [0.5, -0.1, 0.04, 0.0]], [[0, 10, 1, 2], [10, 0, 1, 0]], {}),
        ([[-1.0, -2.0], [0.0, 0.0]], [[0, 0], [0, 0]], {}),
        ([[math.inf, 1.0]], [[10, 1]], {}),
        ([[1.0, 4.0], [math.nan, math.nan]], [[3, 10], [0, 0]], {}),
        ([[100.0, 1.0, 2.0]], [[0, 5, 10]], {"rows": np.array([False, True, True])}),
        ([range(1, 11)], [[0] * 7 + [8, 9, 10]], {"floor": 7}),
    ],
    ids=["plain", "nothing positive", "infinite", "not computed yet", "rows that count", "floor"],
)
def test_scores_are_tenths_of_the_columns_largest_rounded_up(columns, scores, options):
    importance = np.array(columns, dtype=np.float64).T
    assert normalize(importance, **options).T.tolist() == scores


def test_whole_tenths_are_not_rounded_further_up():
    tenths = np.arange(1, 11, dtype=np.float64)[:, None]
    for scale in (1.0, 3.0, 0.1, 1e-30, 7.7e-5):
        assert normalize(tenths * np.float64(scale))[-1, 0] == 10
    for scale in (np.float32(1), np.float32(0.3), np.float32(1e-38), np.float32(5e30)):
        exact = tenths.astype(np.float32)[[4, 9]] * scale
        assert normalize(exact).ravel().tolist() == [5, 10]


@pytest.mark.parametrize("largest", [1e-45, 1e-38, 0.1, 0.7, 3.3e38])
def test_the_largest_is_exactly_the_top_level_whatever_its_size(largest):
    column = np.array([[largest], [-1.0]], dtype=np.float32)
    for levels in (1, 7, 10, 255):
        assert normalize(column, levels=levels)[:, 0].tolist() == [levels, 0]


def test_takes_lists_and_torch_tensors_and_gives_bytes():
    torch = pytest.importorskip("torch")
    for given in ([[0.5], [1.0]], torch.tensor([[0.5], [1.0]])):
        scores = normalize(given)
        assert scores.dtype == np.uint8
        assert scores.tolist() == [[5], [10]]


@pytest.mark.parametrize("shape", [(3, 0), (0, 3), (0, 0)])
def test_empty_maps_have_empty_scores_and_no_density(shape):
    scores = normalize(np.zeros(shape))
    assert scores.shape == shape
    assert importance_density(scores).tolist() == [0.0] * shape[0]


def test_density_is_the_ratio_of_norms_within_the_case():
    """Row 1 attends to four tokens alike: 4 / 4^(1/4); row 0 to one: 1. Row 2 to none."""
    scores = np.array([[9, 0, 0, 0], [8, 8, 8, 8], [0, 0, 0, 0]], dtype=np.uint8)
    assert importance_density(scores) == pytest.approx([4**-0.75, 1.0, 0.0])


def test_density_depends_on_p():
    scores = np.array([[10, 0], [10, 10]], dtype=np.uint8)
    assert importance_density(scores, p=1) == pytest.approx([1.0, 1.0])
    assert importance_density(scores, p=2) == pytest.approx([1 / math.sqrt(2), 1.0])


def test_instruction_score_divides_by_the_logarithm_of_the_number_of_tokens():
    density = np.array([1.0, 0.5, 0.25])
    assert instruction_score(density, np.array([True, True, False])) == pytest.approx(1.5 / 2)
    assert instruction_score(density, np.zeros(3, np.bool_)) == 0.0


def test_shapes_that_disagree_are_refused():
    with pytest.raises(ValueError, match="rows"):
        normalize(np.zeros((3, 2)), rows=np.ones(2, np.bool_))
    with pytest.raises(ValueError, match="shape"):
        instruction_score(np.zeros(3), np.ones(2, np.bool_))
    with pytest.raises(ValueError, match="levels"):
        normalize(np.zeros((1, 1)), levels=256)
