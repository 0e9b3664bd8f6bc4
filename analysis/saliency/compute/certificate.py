"""Checks rows of a map by one backward pass with random weights (METHODS 1).

Forward mode carries a tangent through every operation of a model. If an unusually written network
loses one, its rows are wrong and nothing else reveals it. A backward pass computes the same numbers
another way: with random weights w_m, Σ_m w_m I[n, m] must equal what the gradient of
Σ_m w_m log p(y_m) gives, for every prompt token n.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from analysis.saliency.compute.sums import Sums

# How far two computations of a sum may differ by rounding, in roundings of the sizes of its terms.
# In float32 they differ by at most 7 in most families.
_ROUNDINGS = 16
# If they differ by more, and always in half precision with its large roundings, the effect of one
# rounding of the embeddings is measured, and this multiple of its mean is allowed; in float32 no
# more than _HALF.
_TIMES_NOISE = 6
_HALF = 1e-4


class FailedRowsError(Exception):
    """Rows differ from the backward pass by more than rounding explains."""


class Certificate:
    """The sums that the rows of a map must give.

    Args:
        sums: Of the text explained; not kept, because its graph is large.
        nudged: Reads the text again with embeddings off by one rounding.

    Attributes:
        difference: The largest difference of a row that passed, as a share of the largest sum.
    """

    def __init__(self, sums: Sums, nudged: Callable[[], Sums]) -> None:
        seeds = sums.known().seeds
        # All columns weigh about the same, however certain the model is of their tokens.
        sizes = seeds.to(torch.float32).norm(dim=1).cpu().double().clamp_min(1e-30)
        self._weights = _drawn(len(seeds)) / sizes
        terms = _terms(sums, self._weights)
        self._expected = terms.sum(dim=1)
        # Rounding grows with the terms, not with their sum.
        self._scale = terms.abs().sum(dim=1).clamp_min(1e-300)
        eps = torch.finfo(seeds.dtype).eps
        self._allowed = _ROUNDINGS * eps if eps < _HALF else 0.0
        self._nudged: Callable[[], Sums] | None = nudged
        self._most = _HALF if eps < _HALF else 1.0
        self.difference = 0.0

    def check(self, rows: slice, products: Tensor) -> None:
        """Compare rows with the backward pass.

        Args:
            rows: The prompt tokens.
            products: [B, M], the derivatives of seeds · states along their embeddings: the rows
                before the target's factors.

        Raises:
            FailedRowsError: They differ.
        """
        found = (products.cpu().double() * self._weights).sum(dim=1)
        apart = (found - self._expected[rows]).abs()
        worst = float((apart / self._scale[rows]).max())
        if worst > self._allowed and self._nudged is not None:
            self._allowed = max(self._allowed, min(self._measured(self._nudged()), self._most))
            self._nudged = None
        # NaN agrees with nothing.
        if not worst <= self._allowed:
            raise FailedRowsError
        largest = max(float(self._expected.abs().max()), 1e-300)
        self.difference = max(self.difference, float(apart.max()) / largest)

    def _measured(self, nudged: Sums) -> float:
        """The effect of one rounding of the embeddings, which some models amplify."""
        apart = (_terms(nudged, self._weights).sum(dim=1) - self._expected) / self._scale
        return _TIMES_NOISE * float(apart.square().mean().sqrt())


def _terms(sums: Sums, weights: Tensor) -> Tensor:
    """float64 [N, D], whose rows add up to the weighted sums of the columns."""
    return sums.along(weights).cpu().double()


def _drawn(count: int) -> Tensor:
    """float64 [count], of either sign and never near 0; always the same."""
    random = torch.Generator().manual_seed(0)
    sizes = 0.5 + torch.rand(count, generator=random, dtype=torch.float64)
    return sizes * (torch.randint(0, 2, (count,), generator=random) * 2 - 1)
