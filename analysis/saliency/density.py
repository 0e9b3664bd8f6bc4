"""From importance to normalised scores, importance density and the instruction score (METHODS 1).

Needs only numpy. These numbers are recomputed wherever they are shown and never stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.problems import problem

LEVELS = 10
"""L of equation 2: the largest normalised score."""

DENSITY_FLOOR = 7
"""b of equation 2 for computing a density (paper 4.2): scores up to it count as 0."""

NORM = 4
"""p of the importance density (paper 4.2)."""

MIN_MOVE = 0.01
"""A response token whose probability no prompt token moves by this much is unmoved (METHODS 1)."""


@dataclass(frozen=True)
class Scoring:
    """The numbers that scores and densities are made with, the paper's unless told.

    Attributes:
        levels: L of equation 2, 1 to 255.
        floor: b of equation 2 for the density; scores up to it count as 0.
        norm: p of the density's denominator, above 1.
        min_move: Probability below which a response token counts as unmoved.
        skip_unmoved: Leave the columns of unmoved response tokens out of the density.
    """

    levels: int = LEVELS
    floor: int = DENSITY_FLOOR
    norm: float = NORM
    min_move: float = MIN_MOVE
    skip_unmoved: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers with which no density could be computed."""
        wrong = (
            (not 1 <= self.levels <= 255, f"Levels must be 1 to 255, not {self.levels}."),
            (
                not 0 <= self.floor < self.levels,
                f"The floor must be 0 to {self.levels - 1}, below the largest score, "
                f"not {self.floor}.",
            ),
            (not self.norm > 1, f"The norm must be above 1, not {self.norm:g}."),
            (
                not 0 <= self.min_move <= 1,
                f"The smallest move is a probability, 0 to 1, not {self.min_move:g}.",
            ),
        )
        for is_wrong, why in wrong:
            if is_wrong:
                raise problem("input", "Scores cannot be made like this.", why)

    def parameters(self) -> dict[str, float | int | bool]:
        """The numbers by name, as reports list them."""
        return {
            "score levels": self.levels,
            "score floor": self.floor,
            "norm": self.norm,
            "smallest move": self.min_move,
            "without unmoved response tokens": self.skip_unmoved,
        }


PAPER = Scoring()
"""The paper's numbers."""


def normalize(
    importance: ArrayLike,
    levels: int = LEVELS,
    floor: int = 0,
    *,
    rows: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Normalised scores S[n, m] = ceil(L · max(I, 0) / max_n' I[n', m]) of equation 2.

    Args:
        importance: [N, M] signed importance I; NaN where not computed yet.
        levels: L, 1 to 255.
        floor: b; scores up to it become 0.
        rows: [N] bool, the rows that count; the others become 0 and are left out of the maximum.
            None: all count.

    Returns:
        uint8 [N, M], 0..L. A column without positive importance is all zeros; NaN gives 0.

    Raises:
        ValueError: The shapes do not fit, or `levels` does not fit in a byte.
    """
    if not 1 <= levels <= 255:
        raise ValueError(f"levels must be 1 to 255, not {levels}")
    # float64: L · I is exact for float32 input, so a quotient that is a whole number stays whole.
    values = np.asarray(importance).astype(np.float64)
    if values.ndim != 2:
        raise ValueError(f"importance must be [N, M], not of shape {values.shape}")
    if rows is not None:
        if rows.shape != values.shape[:1]:
            raise ValueError(f"rows has shape {rows.shape}, importance has {len(values)} rows")
        values[~rows] = 0.0
    np.nan_to_num(values, copy=False, nan=0.0, posinf=float(np.finfo(np.float32).max), neginf=0.0)
    np.maximum(values, 0.0, out=values)
    largest = values.max(axis=0, initial=0.0)
    values *= levels
    values /= np.where(largest > 0.0, largest, 1.0)
    np.ceil(values, out=values)
    return raise_floor(np.minimum(values, levels).astype(np.uint8), floor)


def raise_floor(scores: NDArray[np.uint8], floor: int) -> NDArray[np.uint8]:
    """Set scores up to `floor` to 0 (b of equation 2). Same shape, uint8."""
    return np.where(scores > floor, scores, np.uint8(0))


def importance_density(scores: NDArray[Any], p: float = NORM) -> NDArray[np.float64]:
    """Importance density of every prompt token (paper 4.2).

    a_n = ‖S_n‖₁ / ‖S_n‖_p, 0 for an all-zero row, divided by the largest a_n of the case.

    Args:
        scores: [N, M] normalised scores with the floor already applied (`DENSITY_FLOOR`).
        p: Order of the norm in the denominator.

    Returns:
        float64 [N], 0..1; all zeros if no score is positive (for example an empty response).
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"scores must be [N, M], not of shape {values.shape}")
    ones = values.sum(axis=1)
    norms = (values**p).sum(axis=1) ** (1.0 / p)
    raw: NDArray[np.float64] = np.zeros(len(values))
    np.divide(ones, norms, out=raw, where=norms > 0.0)
    largest = raw.max(initial=0.0)
    if largest > 0.0:
        raw /= largest
    return raw


def instruction_score(density: NDArray[np.float64], instruction: NDArray[np.bool_]) -> float:
    """Instruction score of a case: Σ a_n over instruction tokens / log2(2 + number of them).

    Args:
        density: [N] importance density.
        instruction: [N] bool, True for tokens of an instruction.

    Returns:
        The score, ≥ 0; 0 if nothing is marked or the response is empty.

    Raises:
        ValueError: The shapes differ.
    """
    if density.shape != instruction.shape:
        raise ValueError(f"density {density.shape} and mask {instruction.shape} differ in shape")
    return float(density[instruction].sum() / np.log2(2 + np.count_nonzero(instruction)))
