"""Spectra of changes are those of a full decomposition in float64, or estimates that say so."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from analysis.changes import singular_values_of_product, spectrum
from analysis.changes.compute import spectrum as module
from analysis.changes.compute.spectrum import product_spectrum
from analysis.engine.weights.adapter_file import LowRank

WIDE = module.NARROW + 76


class Reference:
    """A matrix taken apart by numpy."""

    def __init__(self, matrix: torch.Tensor) -> None:
        _, self.values, rows = np.linalg.svd(matrix.double().numpy(), full_matrices=False)
        self.directions = rows
        shares = self.values**2 / (self.values**2).sum()
        shares = shares[shares > 1e-28]
        self.rank = float(np.exp(-sum(p * np.log(p) for p in shares)))
        total, self.holding = 0.0, 0
        for share in shares:
            if total >= 0.9 - 1e-12:
                break
            total, self.holding = total + share, self.holding + 1


def wide(kind: str) -> torch.Tensor:
    """float32 [1300, WIDE] whose spectrum falls in one way or another."""
    random = torch.Generator().manual_seed(5)
    noise = torch.randn(1300, WIDE, generator=random)
    few = torch.randn(1300, 8, generator=random) @ torch.randn(8, WIDE, generator=random)
    if kind == "noise":
        return 1e-3 * noise
    if kind == "low rank":
        return few
    if kind == "low rank and noise":
        return few + 0.05 * noise
    left = torch.linalg.qr(noise).Q
    right = torch.linalg.qr(torch.randn(WIDE, WIDE, generator=random)).Q
    return left * torch.arange(1, WIDE + 1) ** -0.6 @ right.T


@pytest.fixture(scope="module", params=["noise", "low rank", "low rank and noise", "falling"])
def both(request):
    matrix = wide(request.param)
    return request.param, spectrum([matrix], 16), Reference(matrix)


def test_wide_changes_have_the_singular_values_of_a_full_decomposition(both):
    kind, found, expected = both
    assert len(found.singular_values) == (8 if kind == "low rank" else 16)
    first = expected.values[: len(found.singular_values)]
    # Where no gap separates a value from the next, it is found to a fraction of a percent.
    np.testing.assert_allclose(found.singular_values, first, rtol=2e-3 if kind == "noise" else 1e-5)


def test_wide_changes_have_its_directions_where_they_are_settled(both):
    kind, found, expected = both
    cosines = np.abs((found.directions.numpy() * expected.directions[: len(found.settled)]).sum(1))
    assert (cosines[found.settled] > 0.99).all()
    if kind != "noise":
        assert found.settled[:8].all()


def test_wide_changes_have_estimates_within_their_errors(both):
    _, found, expected = both
    slack = 4 * found.effective_rank_error + 1e-4 * expected.rank
    assert abs(found.effective_rank - expected.rank) <= slack
    assert found.effective_rank_error < 0.02 * expected.rank
    if found.holding_exact:
        assert found.holding == expected.holding
    else:
        assert found.holding == pytest.approx(expected.holding, rel=0.05)


def test_what_is_low_rank_or_nearly_is_counted_exactly(both):
    kind, found, _ = both
    assert found.holding_exact == kind.startswith("low rank")


def test_equally_strong_directions_are_not_passed_off_as_settled():
    # Of a multiple of an orthogonal matrix every direction is as good as the next.
    random = torch.Generator().manual_seed(1)
    matrix = torch.linalg.qr(torch.randn(WIDE, WIDE, generator=random)).Q
    found = spectrum([matrix], 4)
    assert not found.settled.any()
    assert found.effective_rank == pytest.approx(WIDE, rel=0.01)


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (200, 24)])
def test_narrow_changes_are_exact(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    found, expected = spectrum([matrix], 7), Reference(matrix)
    np.testing.assert_allclose(found.singular_values, expected.values[:7], rtol=1e-12)
    cosines = np.abs((found.directions.numpy() * expected.directions[:7]).sum(1))
    np.testing.assert_allclose(cosines, 1.0, rtol=1e-9)
    assert found.settled.all()
    assert found.effective_rank == pytest.approx(expected.rank, rel=1e-9)
    assert (found.effective_rank_error, found.holding_exact) == (0.0, True)
    assert found.holding == expected.holding
    largest = found.directions.abs().argmax(dim=1)
    assert bool((found.directions[torch.arange(7), largest] > 0).all())


@pytest.mark.parametrize("width", [24, WIDE])
def test_blocks_stand_on_top_of_one_another(width):
    blocks = [
        torch.randn(each, width, generator=torch.Generator().manual_seed(each))
        for each in (9, 300, 1)
    ]
    found, expected = spectrum(blocks, 3), Reference(torch.cat(blocks))
    np.testing.assert_allclose(found.singular_values, expected.values[:3], rtol=1e-3)


def test_a_product_is_decomposed_without_being_made():
    random = torch.Generator().manual_seed(3)
    up, down = torch.randn(50, 6, generator=random), torch.randn(6, 70, generator=random)
    expected = Reference(up @ down)
    np.testing.assert_allclose(singular_values_of_product(up, down), expected.values[:6], rtol=1e-5)
    found = product_spectrum(LowRank(up, down), 4, of_inputs=True)
    cosines = np.abs((found.directions.numpy() * expected.directions[:4]).sum(1))
    np.testing.assert_allclose(cosines, 1.0, rtol=1e-6)
    written = product_spectrum(LowRank(up, down), 4, of_inputs=False)
    other = Reference((up @ down).T)
    cosines = np.abs((written.directions.numpy() * other.directions[:4]).sum(1))
    np.testing.assert_allclose(cosines, 1.0, rtol=1e-6)
    whole = Reference(up @ down)
    assert found.effective_rank == pytest.approx(whole.rank, rel=1e-5)
    assert found.holding == whole.holding


@pytest.mark.parametrize("width", [24, WIDE])
def test_a_change_of_zero_has_no_spectrum(width):
    with pytest.raises(ValueError, match="zero"):
        spectrum([torch.zeros(30, width)], 2)


def test_blocks_of_different_widths_are_refused():
    with pytest.raises(ValueError, match="one s"):
        spectrum([torch.ones(3, 4), torch.ones(3, 5)], 2)
