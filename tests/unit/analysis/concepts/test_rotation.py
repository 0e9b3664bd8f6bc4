"""Rotations that were planted are found."""

import numpy as np
import pytest
import threadpoolctl
import torch

from analysis.concepts.compute import principal as concepts
from analysis.concepts.compute.principal import principal_words
from analysis.concepts.rotation import SMALL, rotation, subspace_angles, suited_to


def orthonormal(count: int, size: int, seed: int = 0) -> np.ndarray:
    """float64 [count, size] orthonormal rows."""
    random = np.random.default_rng(seed)
    return np.linalg.qr(random.standard_normal((size, count)))[0].T


def turned(rows: np.ndarray, away: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Each row turned by its angle towards a direction of its own that is orthogonal to all."""
    angles = np.radians(degrees)[:, None]
    return np.cos(angles) * rows + np.sin(angles) * away


def test_equal_components_have_angle_zero():
    rows = orthonormal(300, 512).astype(np.float32)
    found = rotation(rows, rows)
    assert found.matched.tolist() == list(range(300))
    assert not found.angles.any()
    assert found.subspace_angles.max() < 1e-12


@pytest.mark.parametrize("angle", [1e-6, 1e-3, 0.5, 30.0, 44.0])
def test_a_planted_angle_is_found_to_float64_accuracy(angle):
    both = orthonormal(20, 64)
    rows, away = both[:10], both[10:]
    found = rotation(rows, turned(rows, away, np.full(10, angle)))
    assert found.matched.tolist() == list(range(10))
    np.testing.assert_allclose(found.angles, angle, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found.subspace_angles, angle, rtol=1e-8, atol=1e-12)


def test_components_are_found_again_under_any_order_and_sign():
    both = orthonormal(80, 128)
    rows, away = both[:40], both[40:]
    random = np.random.default_rng(3)
    order, signs = random.permutation(40), random.choice([-1.0, 1.0], 40)
    degrees = np.linspace(0.0, 40.0, 40)
    tuned = (turned(rows, away, degrees) * signs[:, None])[order]
    found = rotation(rows, tuned)
    assert order[found.matched].tolist() == list(range(40))
    np.testing.assert_allclose(found.angles, degrees, atol=1e-6)
    np.testing.assert_allclose(found.subspace_angles, degrees[::-1], atol=1e-6)


def test_turning_components_among_themselves_moves_them_but_not_their_space():
    rows = orthonormal(2, 16)
    angle = np.radians(20.0)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    found = rotation(rows, turn @ rows)
    assert found.angles == pytest.approx([20.0, 20.0])
    assert found.subspace_angles == pytest.approx([0.0, 0.0], abs=1e-12)


def test_orthogonal_spaces_are_ninety_degrees_apart():
    both = orthonormal(6, 32)
    found = rotation(both[:3], both[3:])
    assert found.angles == pytest.approx([90.0] * 3)
    assert found.subspace_angles == pytest.approx([90.0] * 3)


def test_the_matching_has_the_largest_sum_not_the_greediest_pairs():
    """Row 0 is nearest to tuned 0, but row 1 has nothing else."""
    base = np.eye(4)[:2]
    tuned = np.array([[0.8, 0.6, 0.0, 0.0], [0.7, 0.0, 0.714, 0.0]])
    assert rotation(base, tuned).matched.tolist() == [1, 0]


@pytest.mark.parametrize(("before", "after"), [(5, 3), (3, 5), (3, 0), (0, 3), (0, 0)])
def test_components_without_a_partner_are_marked(before, after):
    rows = orthonormal(5, 16)
    found = rotation(rows[:before], rows[:after])
    shared = min(before, after)
    missing = before - shared
    assert found.matched.tolist() == [*range(shared), *[-1] * missing]
    assert np.isnan(found.angles).tolist() == [False] * shared + [True] * missing
    assert found.subspace_angles == pytest.approx([0.0] * shared, abs=1e-12)


def test_subspace_angles_do_not_depend_on_the_basis():
    random = np.random.default_rng(5)
    both = orthonormal(10, 40)
    rows, away = both[:5], both[5:]
    degrees = np.array([1e-5, 0.1, 10.0, 45.0, 89.0])
    tuned = random.standard_normal((5, 5)) @ turned(rows, away, degrees)
    found = subspace_angles(random.standard_normal((5, 5)) @ rows, tuned)
    np.testing.assert_allclose(found, degrees[::-1], rtol=1e-6)


def test_directions_that_are_none_are_refused():
    rows = orthonormal(3, 16)
    for base, tuned, said in (
        (rows, orthonormal(3, 17), "dimensions"),
        (rows, rows[0], "tuned"),
        (rows * 0.0, rows, "zero or not finite"),
        (rows, rows * np.nan, "zero or not finite"),
    ):
        with pytest.raises(ValueError, match=said):
            rotation(base, tuned)


def threads() -> list[int]:
    return [each["num_threads"] for each in threadpoolctl.threadpool_info()]


@pytest.fixture(autouse=True)
def _two_threads():
    with threadpoolctl.threadpool_limits(2):
        yield


def test_small_matrices_get_one_thread_and_afterwards_all_are_back() -> None:
    assert set(threads()) == {2}
    with suited_to(SMALL):
        assert set(threads()) == {1}
        assert torch.get_num_threads() == 1
    assert set(threads()) == {2}
    with suited_to(SMALL + 1):
        assert set(threads()) == {2}
    # After an error too.
    with pytest.raises(ValueError, match="broken"), suited_to(3):
        raise ValueError("broken")
    assert set(threads()) == {2}


@pytest.mark.parametrize(("width", "used"), [(8, 1), (SMALL + 8, 2)])
def test_components_are_computed_on_as_many_as_suit_the_width(monkeypatch, width, used) -> None:
    seen = []
    decompose = concepts._decompose

    def noting(*arguments):
        seen.append(torch.get_num_threads())
        return decompose(*arguments)

    monkeypatch.setattr(concepts, "_decompose", noting)
    rows = np.random.default_rng(0).standard_normal((20, width)).astype(np.float32)
    principal_words(rows, rows, rank=2, k=3)
    assert seen == [used]
