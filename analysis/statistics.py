"""The few statistics the studies share: mean, deviation, one-sided t-tests, a permutation test."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike

SIGNIFICANT = 0.05
"""What a sentence calls a difference has a smaller p-value."""

_ALL_PAIRINGS = 7
_PAIRINGS = 9_999


@dataclass(frozen=True)
class Sample:
    """What a table prints of a group of numbers.

    Attributes:
        count: How many.
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
    """One-sided p-value of Welch's t-test that the mean of `larger` is the greater one.

    Unequal variances, Welch–Satterthwaite degrees of freedom.

    Returns:
        The p-value; None where the test is undefined (fewer than two values in a group, or no
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
    # Imported here: no screen needs it to open, and it takes its time.
    from scipy.special import stdtr

    return float(stdtr(freedom, -t))


def mean_above_p_value(values: Sequence[float], expected: float) -> float | None:
    """One-sided p-value of the one-sample t-test that the mean of `values` is above `expected`.

    Of differences and with 0 it is the paired test.

    Returns:
        The p-value; None where the test is undefined (fewer than two values, or no variance).
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
    """One-sided p-value of the permutation test that things go with their like.

    Row a and column a belong together. How often is the mean of values paired at random, each row
    with a column of its own, as large as that of the diagonal? Exact up to 7 rows; beyond that of
    9,999 pairings at random, with a fixed seed.

    Args:
        values: [n, n], how alike row and column are.

    Returns:
        The p-value, at least 1 / n!; None where the test is undefined (fewer than two rows, or a
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
        # The pairing that is tested counts among them: no p-value is 0.
        drawn = (random.permutation(count).tolist() for _ in range(_PAIRINGS))
        pairings = [range(count), *drawn]
    means = np.array([table[rows, each].mean() for each in map(list, pairings)])
    # Sums of the same values in another order may differ in their last bits.
    return float((means >= table.trace() / count - 1e-12).mean())
