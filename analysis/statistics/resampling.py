"""Intervals that take no normal distribution for granted: a mean's and a share's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000
"""Number of bootstrap resamples."""

_AT_ONCE = 2_000_000
"""Most numbers that are drawn at a time."""


def bootstrap_interval(
    values: Sequence[float], level: float = 0.95, seed: int = 0
) -> tuple[float, float] | None:
    """Percentile interval of a mean from resampling the values; None for fewer than two.

    It needs no symmetry and stays within the values' range; of a few values it is too narrow.
    """
    count = len(values)
    if count < 2:
        return None
    numbers, drawn = np.asarray(values, np.float64), np.random.default_rng(seed)
    rows = max(1, _AT_ONCE // count)
    means = [
        numbers[drawn.integers(0, count, (min(rows, RESAMPLES - start), count))].mean(axis=1)
        for start in range(0, RESAMPLES, rows)
    ]
    outside = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means), [outside, 1 - outside])
    return float(low), float(high)


def wilson_interval(count: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share `count` / `total`, with `total` at least 1."""
    # Imported here because it is slow to load and no screen needs it to open.
    from scipy.special import ndtri

    z, share = float(ndtri((1 + level) / 2)), count / total
    middle = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
