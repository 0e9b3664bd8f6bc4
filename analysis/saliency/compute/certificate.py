"""A check of rows of a map by one backward pass with random weights (METHODS 1).

Forward mode follows a tangent through every operation of a model. Where it loses one, as in a
network that is written in a way nobody foresaw, its rows are wrong and nothing else tells. A
backward pass goes another way to the same numbers: with random weights w_m, Σ_m w_m I[n, m] must be
what the gradient of Σ_m w_m log p(y_m) says, for every prompt token n.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from analysis.saliency.compute.sums import Sums

# How far two ways to the same sum may be apart by rounding, in roundings of the sizes of its terms.
# In float32 they are at most 7 apart in most families.
_ROUNDINGS = 16
# Where they are further apart, and in half precision, which has so large roundings, it is measured
# what one rounding of the embeddings comes to, and so many times its mean is allowed; in float32 no
# more than this.
_TIMES_NOISE = 6
_HALF = 1e-4


class FailedRowsError(Exception):
    """Rows differ from the backward pass by more than rounding explains."""


class Certificate:
    """What the rows of a map must come to.

    Args:
        sums: Of the text that is explained; not held, for its graph is large.
        nudged: Reads the text again with embeddings that are a rounding off.

    Attributes:
        difference: The largest difference of a row that passed, as a share of the largest sum.
    """

    def __init__(self, sums: Sums, nudged: Callable[[], Sums]) -> None:
        seeds = sums.known().seeds
        # The columns weigh about the same, however sure the model is of their tokens.
        sizes = seeds.to(torch.float32).norm(dim=1).cpu().double().clamp_min(1e-30)
        self._weights = _drawn(len(seeds)) / sizes
        terms = _terms(sums, self._weights)
        self._expected = terms.sum(dim=1)
        # Rounding grows with what is summed, not with the sum.
        self._scale = terms.abs().sum(dim=1).clamp_min(1e-300)
        eps = torch.finfo(seeds.dtype).eps
        self._allowed = _ROUNDINGS * eps if eps < _HALF else 0.0
        self._nudged: Callable[[], Sums] | None = nudged
        self._most = _HALF if eps < _HALF else 1.0
        self.difference = 0.0

    def check(self, rows: slice, products: Tensor) -> None:
        """Compare rows with the backward pass.

        Args:
            rows: Which prompt tokens.
            products: [B, M], how seeds · states change along their embeddings: the rows before
                they are multiplied by the target's factors.

        Raises:
            FailedRowsError: They are not the same numbers.
        """
        found = (products.cpu().double() * self._weights).sum(dim=1)
        apart = (found - self._expected[rows]).abs()
        worst = float((apart / self._scale[rows]).max())
        if worst > self._allowed and self._nudged is not None:
            self._allowed = max(self._allowed, min(self._measured(self._nudged()), self._most))
            self._nudged = None
        # What is not a number agrees with nothing.
        if not worst <= self._allowed:
            raise FailedRowsError
        largest = max(float(self._expected.abs().max()), 1e-300)
        self.difference = max(self.difference, float(apart.max()) / largest)

    def _measured(self, nudged: Sums) -> float:
        """What a rounding of the embeddings comes to: some models make more of it than others."""
        apart = (_terms(nudged, self._weights).sum(dim=1) - self._expected) / self._scale
        return _TIMES_NOISE * float(apart.square().mean().sqrt())


def _terms(sums: Sums, weights: Tensor) -> Tensor:
    """float64 [N, D], whose rows sum up to the weighted sums of the columns."""
    return sums.along(weights).cpu().double()


def _drawn(count: int) -> Tensor:
    """float64 [count], of either sign and none near 0; the same every time."""
    random = torch.Generator().manual_seed(0)
    sizes = 0.5 + torch.rand(count, generator=random, dtype=torch.float64)
    return sizes * (torch.randint(0, 2, (count,), generator=random) * 2 - 1)
