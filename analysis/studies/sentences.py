"""Phrases for findings: numbers with their spread, p-values, trends."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analysis.statistics.effects import cohens_d, kendalls_tau
from analysis.statistics.inference import SIGNIFICANT, Sample, mean_above_p_value
from analysis.studies.findings import Series
from analysis.studies.testing import Claim, Hypothesis


def mean_in_words(values: Sequence[float], digits: int = 2, unit: str = "") -> str:
    """Mean and population standard deviation, in the paper's format: ``0.52±0.10``."""
    sample = Sample.of(values)
    return f"{sample.mean:.{digits}f}±{sample.deviation:.{digits}f}{unit}"


def p_in_words(p_value: float) -> str:
    """Format a p-value, such as ``p 0.0123``, with no more digits than it deserves."""
    return "p < 0.0001" if p_value < 0.0001 else f"p {p_value:.3g}"


def trend(what: str, by_layer: Series) -> str:
    """Say whether a quantity grows or falls with the layer: Kendall's τ-b, two-sided.

    It does not assume linearity, and its p-value is exact for a handful of layers.

    Args:
        what: The quantity, such as "the mean change of heads".
        by_layer: Its value in each layer.
    """
    begin = f"{what[:1].upper()}{what[1:]}"
    # Differences by rounding are not a trend.
    rounded = [round(value, 6) for value in by_layer.y if value is not None]
    if len(rounded) < 3:
        return f"Whether {what} depends on the layer cannot be told from fewer than three layers."
    if len(set(rounded)) < 2:
        return f"{begin} is the same in all layers."
    # Imported late: importing it is slow.
    from scipy.stats import kendalltau

    layers = [x for x, value in zip(by_layer.x, by_layer.y, strict=True) if value is not None]
    found = kendalltau(layers, rounded)
    tau, p_value = float(found.statistic), float(found.pvalue)
    numbers = f"Kendall's τ {tau:.2f} over {len(rounded)} layers, {p_in_words(p_value)}"
    method = f"Kendall's τ-b over {len(rounded)} layers, two-sided"
    tested = Hypothesis(f"{what} by layer", p_value, method, kendalls_tau(tau, len(rounded)))
    if p_value >= SIGNIFICANT:
        return Claim(f"{begin} is not shown to depend on the layer: {numbers}.", tested)
    return Claim(f"{begin} {'grows' if tau > 0 else 'falls'} with the layer: {numbers}.", tested)


def differ_over_layers(begin: str, what: str, base: Sequence[float], tuned: Sequence[float]) -> str:
    """Say whether two means over the same layers differ: paired t-test, two-sided.

    Args:
        begin: The sentence with both means, without its end.
        what: The quantity, for the table of tests.
        base: Its value in each layer.
        tuned: The same of the tuned model.
    """
    p_value = paired_p_value(base, tuned)
    if p_value is None:
        return f"{begin}; that cannot be tested, for the difference does not vary over layers."
    differ = "these differ" if p_value < SIGNIFICANT else "these are not shown to differ"
    method = f"paired t-test over {len(base)} layers"
    effect = cohens_d([b - a for a, b in zip(base, tuned, strict=True)], paired=True)
    size = "" if effect is None else f", {effect.in_words()}"
    return Claim(
        f"{begin}; {differ}, {p_in_words(p_value)} ({method}){size}.",
        Hypothesis(f"{what}, tuned against base", p_value, f"{method}, two-sided", effect),
    )


def paired_p_value(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Two-sided p-value of a paired t-test that two means differ; None where undefined."""
    differences = [b - a for a, b in zip(first, second, strict=True)]
    scale = max((abs(each) for each in (*first, *second)), default=0.0)
    # Equal differences may differ in the last bits, and so seem to vary.
    if len(differences) < 2 or math.isclose(
        max(differences), min(differences), rel_tol=0.0, abs_tol=1e-9 * scale
    ):
        return None
    above = mean_above_p_value(differences, 0.0)
    return None if above is None else 2 * min(above, 1 - above)
