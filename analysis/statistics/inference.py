"""Statistics shared by the studies: mean, deviation, tests, and corrections for their number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike

SIGNIFICANT = 0.05
"""Sentences report a difference only if its p-value is smaller."""

_ALL_PAIRINGS = 7
_PAIRINGS = 9_999


@dataclass(frozen=True)
class Sample:
    """Summary of a group of numbers, as tables print it.

    Attributes:
        count: Number of values.
        mean: Their mean; NaN for none.
        deviation: Population standard deviation, divided by n as in the paper; NaN for none.
    """

    count: int
    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Sample:
        """The sample of some values."""
        if not values:
            return cls(0, math.nan, math.nan)
        return cls(len(values), float(np.mean(values)), float(np.std(values)))


def welch_p_value(larger: Sequence[float], smaller: Sequence[float]) -> float | None:
    """One-sided p-value of Welch's t-test that the mean of `larger` is greater.

    Unequal variances, Welch–Satterthwaite degrees of freedom.

    Returns:
        The p-value; None if the test is undefined (fewer than two values in a group, or no
        variance in either).
    """
    if min(len(larger), len(smaller)) < 2:
        return None
    first = float(np.var(larger, ddof=1)) / len(larger)
    second = float(np.var(smaller, ddof=1)) / len(smaller)
    if first + second == 0.0:
        return None
    freedom = (first + second) ** 2 / (
        first**2 / (len(larger) - 1) + second**2 / (len(smaller) - 1)
    )
    t = (float(np.mean(larger)) - float(np.mean(smaller))) / math.sqrt(first + second)
    # Imported here because it is slow to load and no screen needs it to open.
    from scipy.special import stdtr

    return float(stdtr(freedom, -t))


def mean_above_p_value(values: Sequence[float], expected: float) -> float | None:
    """One-sided p-value of the one-sample t-test that the mean of `values` is above `expected`.

    Applied to differences with `expected` 0, this is the paired test.

    Returns:
        The p-value; None if the test is undefined (fewer than two values, or no variance).
    """
    if len(values) < 2:
        return None
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    if error == 0.0:
        return None
    t = (float(np.mean(values)) - expected) / error
    from scipy.special import stdtr

    return float(stdtr(len(values) - 1, -t))


def pairing_p_value(values: ArrayLike) -> float | None:
    """One-sided p-value of a permutation test that matching rows and columns are more alike.

    Row a matches column a. Under random pairings of rows and columns, how often is the mean value
    at least that of the diagonal? Exact up to 7 rows; otherwise over 9,999 random pairings with a
    fixed seed.

    Args:
        values: [n, n], similarity of row and column.

    Returns:
        The p-value, at least 1 / n!; None if the test is undefined (fewer than two rows, or a
        value that is not finite).
    """
    table = np.asarray(values, dtype=np.float64)
    count = len(table)
    if count < 2 or not np.isfinite(table).all():
        return None
    rows = np.arange(count)
    pairings: Iterable[Sequence[int]] = permutations(range(count))
    if count > _ALL_PAIRINGS:
        random = np.random.default_rng(0)
        # Count the tested pairing itself, so that no p-value is 0.
        drawn = (random.permutation(count).tolist() for _ in range(_PAIRINGS))
        pairings = [range(count), *drawn]
    means = np.array([table[rows, each].mean() for each in map(list, pairings)])
    # Sums of the same values in a different order may differ in their last bits.
    return float((means >= table.trace() / count - 1e-12).mean())


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected so that the chance of any false finding is bounded (Holm 1979).

    The k-th smallest of n is multiplied by n − k + 1, and is no smaller than those before it; no
    independence is assumed.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1.0)
    found = np.empty(len(p_values))
    found[order] = adjusted
    return [float(each) for each in found]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """p-values corrected so that the share of false findings is bounded (Benjamini, Hochberg 1995).

    Independent tests, or ones that depend positively, are assumed.
    """
    if not p_values:
        return []
    # Imported here because it is slow to load and no screen needs it to open.
    from scipy.stats import false_discovery_control

    return [float(each) for each in false_discovery_control(np.asarray(p_values), method="bh")]


def mean_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """Confidence interval of a mean by Student's t; None for fewer than two values."""
    if len(values) < 2:
        return None
    from scipy.special import stdtrit

    mean, freedom = float(np.mean(values)), len(values) - 1
    half = float(stdtrit(freedom, (1 + level) / 2)) * float(np.std(values, ddof=1))
    half /= math.sqrt(len(values))
    return mean - half, mean + half
