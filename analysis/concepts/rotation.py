"""How tuning rotated a layer's principal components (METHODS 3): angles and a matching."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from threadpoolctl import threadpool_limits


class Rotation(NamedTuple):
    """From R base components to R' tuned ones.

    Attributes:
        matched: int32 [R], the tuned component of each base component; -1 for none, if R > R'.
        angles: float64 [R], degrees between matched components, 0 to 90; NaN if unmatched.
        subspace_angles: float64 [min(R, R')], principal angles in degrees between the spaces that
            the components span, falling.
    """

    matched: NDArray[np.int32]
    angles: NDArray[np.float64]
    subspace_angles: NDArray[np.float64]


def rotation(base: ArrayLike, tuned: ArrayLike) -> Rotation:
    """The rotation from base to tuned components.

    Components are matched one to one so that the sum of |cos| is maximal. Their sign has no
    meaning, so an angle is at most 90 degrees.

    Args:
        base: [R, D] directions, orthonormal up to rounding.
        tuned: [R', D] directions.

    Returns:
        The angles, accurate in float64 even when small: 0 for equal components.

    Raises:
        ValueError: The shapes do not fit or a number is not finite.
    """
    first, second = _unit(base, "base"), _unit(tuned, "tuned")
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"base has {first.shape[1]} dimensions, tuned {second.shape[1]}")
    with suited_to(first.shape[1]):
        cosines = first @ second.T
        rows, columns = linear_sum_assignment(np.abs(cosines), maximize=True)
        matched = np.full(len(first), -1, np.int32)
        matched[rows] = columns
        angles: NDArray[np.float64] = np.full(len(first), np.nan)
        partners = second[columns] * np.where(cosines[rows, columns] < 0.0, -1.0, 1.0)[:, None]
        angles[rows] = _degrees_between(first[rows], partners)
        return Rotation(matched, angles, subspace_angles(first, second))


def subspace_angles(base: ArrayLike, tuned: ArrayLike) -> NDArray[np.float64]:
    """Principal angles between the spaces that the rows [R, D] and [R', D] span.

    Returns:
        float64 [min(R, R')], degrees, falling.
    """
    first, second = np.asarray(base, np.float64), np.asarray(tuned, np.float64)
    if not len(first) or not len(second):
        return np.zeros(0)
    larger, smaller = (first, second) if len(first) >= len(second) else (second, first)
    both = np.vstack([larger, smaller]).T
    # R + R' coordinates hold both spaces: far fewer than D, without losing accuracy.
    coordinates = scipy.linalg.qr(both, mode="r")[0][: both.shape[1]]
    large = scipy.linalg.qr(coordinates[:, : len(larger)], mode="economic")[0]
    small = scipy.linalg.qr(coordinates[:, len(larger) :], mode="economic")[0]
    shared = large.T @ small
    # Sines are accurate for small angles, cosines for large ones; scipy.linalg.subspace_angles
    # mixes the two up if two spaces have angles on both sides of 45 degrees.
    sines = scipy.linalg.svdvals(small - large @ shared)
    cosines = scipy.linalg.svdvals(shared)[::-1]
    angles: NDArray[np.float64] = np.degrees(np.arctan2(sines, cosines))
    return angles


def _degrees_between(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """Degrees between unit rows, from half their difference, since arccos is inaccurate near 0."""
    apart = np.linalg.norm(first - second, axis=1)
    together = np.linalg.norm(first + second, axis=1)
    angles: NDArray[np.float64] = np.degrees(2.0 * np.arctan2(apart, together))
    return angles


def _unit(directions: ArrayLike, name: str) -> NDArray[np.float64]:
    """The rows in float64, scaled to length 1."""
    rows = np.asarray(directions, np.float64)
    if rows.ndim != 2:
        raise ValueError(f"{name} must be [R, D], not of shape {rows.shape}")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise ValueError(f"{name} holds a direction that is zero or not finite")
    return np.asarray(rows / lengths)


SMALL = 512
"""Up to this width a decomposition is quicker on one thread than on several."""


@contextmanager
def suited_to(width: int) -> Iterator[None]:
    """Within it torch, numpy and scipy use one thread where matrices are at most `SMALL` wide.

    Each of the three has a pool of its own, whose threads go on waiting busily for some time after
    a product. Where small steps alternate between them, they take the cores from one another: the
    components of a layer of width 144 take ten times as long on two cores as on one.
    """
    if width > SMALL:
        yield
        return
    with threadpool_limits(1):
        yield
