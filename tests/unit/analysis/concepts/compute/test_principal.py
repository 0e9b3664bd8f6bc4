"""Principal components and their words, against a float64 singular value decomposition."""

import numpy as np
import pytest
import scipy.linalg
import torch

import analysis.concepts.compute.principal
from analysis.concepts.compute.principal import principal_words

FLAT = np.linspace(2.0, 1.0, 400)
"""Singular values like those of a trained layer: neighbours lie close, none stands out."""

STEEP = 0.9 ** np.arange(400)

PAIRED = np.repeat(np.linspace(2.0, 1.0, 200), 2) * (1.0 + 1e-6 * (np.arange(400) % 2))
"""Pairs that only float64 tells apart."""


def patterns(count: int, size: int, spectrum: np.ndarray, seed: int = 0) -> np.ndarray:
    """float32 [count, size] with about these singular values, and column means far from zero."""
    random = np.random.default_rng(seed)
    few = min(count - 1, size)
    left = np.linalg.qr(random.standard_normal((count, few)))[0]
    left = np.linalg.qr(left - left.mean(axis=0))[0]
    right = np.linalg.qr(random.standard_normal((size, few)))[0]
    values = left * spectrum[:few] @ right.T + random.standard_normal(size)
    return values.astype(np.float32)


def reference(w_down: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All directions [r, D] and their shares of the variance, by a full decomposition."""
    exact = w_down.astype(np.float64)
    _, singular, directions = np.linalg.svd(exact - exact.mean(axis=0), full_matrices=False)
    return directions, singular**2 / (singular**2).sum()


def cosine(direction: np.ndarray, vector: np.ndarray) -> float:
    length = np.linalg.norm(direction) * np.linalg.norm(vector)
    return float(direction @ vector / length) if length else 0.0


def words_of(direction: np.ndarray, vectors: np.ndarray, k: int) -> list[tuple[int, float]]:
    """The k words of one direction by a full sort of plain cosines."""
    every = [(w, cosine(direction, vector)) for w, vector in enumerate(vectors)]
    return sorted(every, key=lambda each: (-abs(each[1]), each[0]))[:k]


@pytest.mark.parametrize("spectrum", [FLAT, STEEP, PAIRED], ids=["flat", "steep", "paired"])
@pytest.mark.parametrize("shape", [(300, 64), (400, 200), (65, 64), (64, 64), (40, 200)])
@pytest.mark.parametrize("narrow", [1024, 0], ids=["float64", "float32"])
def test_components_are_those_of_a_full_decomposition(monkeypatch, shape, spectrum, narrow):
    monkeypatch.setattr(analysis.concepts.compute.principal, "NARROW", narrow)
    w_down = patterns(*shape, spectrum)
    found = principal_words(w_down, np.eye(shape[1]), rank=20, k=1)
    directions, shares = reference(w_down)
    np.testing.assert_allclose(found.explained_variance, shares[:20], rtol=0, atol=1e-7)
    angles = scipy.linalg.subspace_angles(found.directions.T, directions[:20].T)
    assert angles.max() < 1e-4
    # A component of its own only where its neighbours' variance differs.
    gaps = -np.diff(shares[:21]) / shares[0]
    apart = np.minimum(gaps, np.r_[1.0, gaps[:-1]]) > 1e-4
    together = np.abs((found.directions * directions[:20]).sum(axis=1))
    assert np.sqrt(np.maximum(0.0, 1.0 - together[apart] ** 2)).max(initial=0.0) < 1e-3
    assert spectrum is PAIRED or apart.sum() > 15


def test_one_component_far_above_the_others_does_not_blur_them(monkeypatch):
    monkeypatch.setattr(analysis.concepts.compute.principal, "NARROW", 0)
    w_down = patterns(500, 128, np.r_[200.0, np.linspace(2.0, 1.0, 127)])
    found = principal_words(w_down, np.eye(128), rank=128, k=1)
    together = np.abs((found.directions * reference(w_down)[0]).sum(axis=1))
    assert np.sqrt(1.0 - np.minimum(together, 1.0) ** 2).max() < 1e-3


def test_directions_are_unit_vectors_whose_largest_entry_is_positive():
    found = principal_words(patterns(300, 64, FLAT), np.eye(64), rank=30, k=1).directions
    np.testing.assert_allclose(found @ found.T, np.eye(30), atol=1e-6)
    assert (found[np.arange(30), np.abs(found).argmax(axis=1)] > 0).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_words_are_those_of_a_full_sort(seed):
    vectors = np.random.default_rng(seed).standard_normal((3000, 48)).astype(np.float32)
    found = principal_words(patterns(200, 48, FLAT, seed), vectors, rank=10, k=15)
    for r, direction in enumerate(found.directions.astype(np.float64)):
        expected = words_of(direction, vectors.astype(np.float64), 15)
        np.testing.assert_allclose(found.measures[r], [each for _, each in expected], atol=1e-6)
        magnitudes = [abs(each) for _, each in expected]
        if np.diff(magnitudes).max() < -1e-6:
            assert found.word_indices[r].tolist() == [w for w, _ in expected]
    assert (found.measures < 0).any()
    assert (found.measures > 0).any()


def test_cosines_too_close_for_float32_are_told_apart():
    w_down = patterns(200, 40, FLAT).astype(np.float64)
    first, second = reference(w_down)[0][:2]
    random = np.random.default_rng(4)
    order = random.permutation(3000)
    vectors = first + np.outer(1.0 + 1e-8 * order, second)
    vectors *= random.uniform(1.0, 10.0, (3000, 1))
    found = principal_words(w_down, vectors, rank=1, k=15)
    assert order[found.word_indices[0]].tolist() == list(range(15))


def test_equal_words_stand_by_rising_index():
    vectors = np.random.default_rng(2).standard_normal((5000, 40)).astype(np.float32)
    twins = [7, 2047, 2048, 3001, 4999]
    vectors[twins] = vectors[7]
    w_down = patterns(200, 40, FLAT)
    # The second direction is made to point at the twins.
    target = principal_words(w_down, vectors, rank=2, k=1).directions[1]
    vectors[twins] = 3.0 * target
    found = principal_words(w_down, vectors, rank=3, k=4)
    assert found.word_indices[1].tolist() == twins[:4]
    assert found.measures[1] == pytest.approx([1.0] * 4)


@pytest.fixture
def steep():
    """Patterns of 16 units, and their first direction."""
    w_down = patterns(200, 16, STEEP)
    return w_down, principal_words(w_down, np.eye(16), rank=1, k=1).directions[0]


def test_a_negative_cosine_counts_and_keeps_its_sign(steep):
    w_down, direction = steep
    vectors = np.stack([direction + 0.5, -2.0 * direction, np.zeros(16)])
    found = principal_words(w_down, vectors, rank=1, k=3)
    assert found.word_indices[0].tolist() == [1, 0, 2]
    assert found.measures[0, 0] == pytest.approx(-1.0)
    assert found.measures[0, 2] == 0.0


def test_a_projection_is_signed_and_grows_with_the_word_vector(steep):
    w_down, direction = steep
    vectors = np.outer([1.0, -5.0, 3.0, 0.0], direction)
    found = principal_words(w_down, vectors, rank=1, k=4, measure="projection")
    assert found.word_indices[0].tolist() == [2, 0, 3, 1]
    assert found.measures[0] == pytest.approx([3.0, 1.0, 0.0, -5.0], abs=1e-6)


def test_a_constant_added_to_all_patterns_changes_nothing():
    w_down = patterns(300, 64, FLAT).astype(np.float64)
    moved = (patterns(300, 64, FLAT) + 100.0).astype(np.float64)
    first, second = (principal_words(each, np.eye(64), rank=10, k=5) for each in (w_down, moved))
    shares = first.explained_variance, second.explained_variance
    np.testing.assert_allclose(*shares, rtol=1e-4, atol=0)
    assert scipy.linalg.subspace_angles(first.directions.T, second.directions.T).max() < 1e-3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_torch_tensors_of_any_precision_and_layout_are_taken_as_they_are(dtype):
    w_down = torch.from_numpy(patterns(90, 32, FLAT)).to(dtype)
    vectors = torch.randn(50, 32, generator=torch.Generator().manual_seed(0)).to(dtype)
    stored_the_other_way = w_down.T.contiguous().T
    exact = principal_words(w_down.double().numpy(), vectors.double().numpy(), rank=8, k=5)
    for given in (w_down, stored_the_other_way):
        found = principal_words(given.requires_grad_(), vectors, rank=8, k=5)
        np.testing.assert_allclose(found.directions, exact.directions, atol=1e-6)
        assert found.word_indices.tolist() == exact.word_indices.tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_was_passed_in_may_be_read_only_and_the_same_layer_gives_the_same_bits(dtype):
    w_down, vectors = patterns(300, 64, PAIRED).astype(dtype), np.eye(64)
    before = w_down.copy()
    w_down.flags.writeable = vectors.flags.writeable = False
    first, second = (principal_words(w_down, vectors, rank=30, k=5) for _ in range(2))
    assert (w_down == before).all()
    for one, other in zip(first, second, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(("words", "k"), [(32, 5), (0, 0)])
def test_the_arrays_have_the_promised_types_without_words_too(words, k):
    found = principal_words(patterns(90, 32, FLAT), np.eye(words, 32), rank=8, k=5)
    assert [(each.dtype, each.shape) for each in found] == [
        (np.float32, (8, 32)),
        (np.float64, (8,)),
        (np.int32, (8, k)),
        (np.float32, (8, k)),
    ]


@pytest.mark.parametrize(("shape", "most"), [((300, 32), 32), ((20, 32), 19), ((2, 32), 1)])
def test_more_components_than_there_are_give_all_there_are(shape, most):
    w_down = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    found = principal_words(w_down, np.eye(32), rank=300, k=40)
    assert found.directions.shape == (most, 32)
    assert found.word_indices.shape == (most, 32)
    assert found.explained_variance.sum() == pytest.approx(1.0)


def test_directions_without_variance_are_no_components():
    w_down = patterns(300, 64, np.r_[3.0, 2.0, 1.0, np.zeros(400)])
    assert len(principal_words(w_down, np.eye(64), rank=10).explained_variance) == 3


@pytest.mark.parametrize("steepness", ["power", "exponential"])
def test_a_wide_layer_with_a_steep_spectrum_keeps_its_last_components(steepness):
    """The 100th variance is below what float32 resolves beside the first, or nearly so."""
    ranks = np.arange(1100)
    spectrum = 1.0 / (1.0 + ranks) if steepness == "power" else 0.9**ranks
    w_down = patterns(1500, 1100, spectrum)
    found = principal_words(w_down, np.zeros((1, 1100)), rank=100, k=1)
    directions, shares = reference(w_down)
    together = np.abs((found.directions * directions[:100]).sum(axis=1))
    assert together.min() > 1.0 - 1e-6
    np.testing.assert_allclose(found.explained_variance, shares[:100], rtol=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, -1e6])
@pytest.mark.parametrize("narrow", [1024, 0], ids=["float64", "float32"])
def test_equal_patterns_have_no_components(monkeypatch, value, narrow):
    monkeypatch.setattr(analysis.concepts.compute.principal, "NARROW", narrow)
    w_down = np.full((2999, 16), value, np.float64)
    found = principal_words(w_down, np.eye(16), rank=4, k=3)
    assert [each.shape for each in found] == [(0, 16), (0,), (0, 3), (0, 3)]


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("broken", ["w_down", "output_embeddings"])
def test_numbers_that_are_not_finite_are_refused(value, broken):
    given = {"w_down": patterns(90, 32, FLAT), "output_embeddings": np.eye(32)}
    given[broken][3, 2] = value
    with pytest.raises(ValueError, match=rf"{broken}.*finite"):
        principal_words(*given.values(), rank=4)


def test_shapes_and_numbers_that_make_no_sense_are_refused():
    w_down = patterns(90, 32, FLAT)
    with pytest.raises(ValueError, match="shapes"):
        principal_words(w_down, np.eye(31))
    wrong = {"rank": {"rank": 0}, "k must": {"k": 0}, "measure": {"measure": "euclidean"}}
    for said, options in wrong.items():
        with pytest.raises(ValueError, match=said):
            principal_words(w_down, np.eye(32), **options)
