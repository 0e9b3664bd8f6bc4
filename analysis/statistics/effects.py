"""Effect sizes of tests, each with an analytic 95 % interval (METHODS 4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.table import Cell

CONFIDENCE = 0.95

EFFECT_COLUMNS = ("effect", "effect_size", "effect_low", "effect_high")
"""Columns that stand beside a p-value: which effect size, its value, and its interval."""

_FIELLER = 0.437
"""Variance of the transformed Kendall's τ is this over n − 4 (Fieller, Hartley and Pearson)."""


@dataclass(frozen=True)
class Effect:
    """How large a difference or dependence is.

    Attributes:
        name: Which measure, such as "Hedges' g".
        value: Its value, in the direction of the test.
        low, high: Its 95 % interval; None where there is none.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None

    def in_words(self) -> str:
        """Such as ``Hedges' g 0.41 [0.10, 0.72]``."""
        interval = "" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.name} {self.value:.2f}{interval}"


def effect_cells(effect: Effect | None) -> tuple[Cell, ...]:
    """The cells of `EFFECT_COLUMNS`; empty without an effect."""
    if effect is None:
        return (None,) * len(EFFECT_COLUMNS)
    return effect.name, effect.value, effect.low, effect.high


def hedges_g(first: Sequence[float], second: Sequence[float]) -> Effect | None:
    """Difference of two means in pooled standard deviations, corrected for small samples.

    g = J (mean of first − mean of second) / s, with s² the pooled variance of n₁ + n₂ − 2 degrees
    of freedom and J Hedges' exact factor. The interval is that of the noncentral t distribution,
    which takes equal variances for granted.

    Returns:
        The effect; None with fewer than two values in a group, or without variance.
    """
    n, m = len(first), len(second)
    if min(n, m) < 2:
        return None
    freedom = n + m - 2
    squares = n * float(np.var(first)) + m * float(np.var(second))
    spread = math.sqrt(squares / freedom)
    if spread <= _rounding(first, second):
        return None
    d = (float(np.mean(first)) - float(np.mean(second))) / spread
    factor = math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)) / math.sqrt(
        freedom / 2
    )
    return _standardised("Hedges' g", d, math.sqrt(n * m / (n + m)), freedom, factor)


def cohens_d(
    values: Sequence[float], expected: float = 0.0, *, paired: bool = False
) -> Effect | None:
    """Difference of a mean from an expected one, in standard deviations of the values.

    Of differences of pairs (`paired`) this is d_z. The interval is that of the noncentral t
    distribution.

    Returns:
        The effect; None with fewer than two values, or without variance.
    """
    count = len(values)
    if count < 2:
        return None
    spread = float(np.std(values, ddof=1))
    if spread <= _rounding(values, [expected]):
        return None
    d = (float(np.mean(values)) - expected) / spread
    name = "Cohen's d of pairs" if paired else "Cohen's d"
    return _standardised(name, d, math.sqrt(count), count - 1, 1.0)


def kendalls_tau(tau: float, count: int) -> Effect:
    """Kendall's τ over `count` points with Fieller's interval.

    There is no interval of fewer than five points, nor where all are in order.
    """
    if count <= 4 or abs(tau) >= 1.0:
        return Effect("Kendall's τ", tau)
    from scipy.special import ndtri

    half = float(ndtri((1 + CONFIDENCE) / 2)) * math.sqrt(_FIELLER / (count - 4))
    middle = math.atanh(tau)
    return Effect("Kendall's τ", tau, math.tanh(middle - half), math.tanh(middle + half))


def _standardised(name: str, d: float, scale: float, freedom: int, factor: float) -> Effect:
    """An effect whose t is `scale` · d, all of it times `factor`."""
    # Imported here because it is slow to load and no screen needs it to open.
    from scipy.special import nctdtr, nctdtrinc

    t = scale * d
    outside = (1 - CONFIDENCE) / 2
    ends = []
    for share in (1 - outside, outside):
        centre = float(nctdtrinc(freedom, share, t))
        # The inversion is checked: far out in the tails it may not have ended where it should.
        if not math.isfinite(centre) or abs(float(nctdtr(freedom, centre, t)) - share) > 1e-3:
            return Effect(name, factor * d)
        ends.append(factor * centre / scale)
    value = factor * d
    return Effect(name, value, *ends) if ends[0] < value < ends[1] else Effect(name, value)


def _rounding(*values: Sequence[float]) -> float:
    """Deviations up to this are those of equal numbers that differ in their last bits."""
    return 1e-12 * max(abs(each) for some in values for each in some)
