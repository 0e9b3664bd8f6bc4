"""Pearson's and Spearman's correlation, of two vectors or of two maps of importance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pearson(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Pearson's r of two vectors; None where a side does not vary."""
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / scale if scale > 0.0 else None


def spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Spearman's rank correlation of two vectors; None where a side does not vary."""
    return pearson(_ranks(first), _ranks(second))


def correlations(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[float | None, float | None]:
    """Pearson's r and Spearman's ρ over all cells of two maps [N, M], every column scaled.

    A column is divided by its largest absolute entry, much as the score does: a gradient of log p
    and a difference of p have another scale in every column.
    """
    one, other = column_scaled(first).ravel(), column_scaled(second).ravel()
    return pearson(one, other), spearman(one, other)


def column_scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every column of [N, M] divided by its largest absolute entry; a zero column stays zero."""
    largest = np.abs(values).max(axis=0, initial=0.0)
    return np.asarray(values / np.where(largest > 0.0, largest, 1.0))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, equal values sharing their mean rank, as Spearman's coefficient wants them."""
    # scipy.stats has this too, but takes longer to import than the app to open.
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place.ravel()], dtype=np.float64)
