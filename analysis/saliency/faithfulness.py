"""How far a map agrees with deletion, from a sample of its rows (METHODS 1, faithfulness).

Deleting a prompt token and reading the response again is what a gradient approximates. Deleting all
of them costs a pass each; a few tell how much of the map to believe.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.saliency.correlations import correlations

SHARE = 0.25
"""The share of its map's time that the sample may take."""

UNNOTICED_S = 0.1
"""Seconds that it may take however short the map: nobody waits for them."""

FEWEST = 3
"""Rows below which nothing is estimated: a correlation of fewer would be ±1 by itself."""


class Faithfulness(msgspec.Struct, frozen=True):
    """Agreement of a map with occlusion that deletes tokens.

    Attributes:
        of: Prompt tokens of the user's own text.
        sampled: How many of them were deleted; 0 for none.
        pearson: Pearson's r over their rows, every column scaled by its largest absolute entry;
            None if nothing was estimated, or if a side does not vary.
        spearman: Spearman's ρ over the same cells; None as `pearson`.
        why: Why nothing was estimated; empty if something was.
    """

    of: int
    sampled: int = 0
    pearson: float | None = None
    spearman: float | None = None
    why: str = ""

    @property
    def exact(self) -> bool:
        """Whether every token was deleted, so that nothing is estimated."""
        return self.sampled == self.of > 0

    def words(self, *, ascii_only: bool = False) -> str:
        """What a reader is told, such as ``r ≈ 0.35, ρ ≈ 0.30 (16 of 64 tokens)``."""
        if not self.sampled:
            return f"not estimated: {self.why}"
        tokens = f"all {self.of} tokens" if self.exact else f"{self.sampled} of {self.of} tokens"
        if self.pearson is None or self.spearman is None:
            return f"undefined: one of the two does not vary ({tokens})"
        about = self._about(ascii_only=ascii_only)
        rho = "rho" if ascii_only else "ρ"
        return f"r {about}{self.pearson:.2f}, {rho} {about}{self.spearman:.2f} ({tokens})"

    def _about(self, *, ascii_only: bool) -> str:
        return "" if self.exact else "~" if ascii_only else "≈ "


def sampled_rows(visible: NDArray[np.bool_], count: int) -> NDArray[np.intp]:
    """Rows to delete: the visible ones in `count` strata of equal length, one at random from each.

    The same arguments give the same rows.

    Args:
        visible: bool [N].
        count: Number of rows, at least 1; all visible ones if there are no more.

    Returns:
        intp [count], ascending.
    """
    rows = np.flatnonzero(visible)
    if count >= len(rows):
        return rows
    borders = np.arange(count + 1) * len(rows) // count
    return rows[np.random.default_rng(0).integers(borders[:-1], borders[1:])]


def estimated(
    importance: NDArray[np.float32],
    deleted: NDArray[np.float32],
    rows: NDArray[np.intp],
    visible: NDArray[np.bool_],
) -> Faithfulness:
    """Compare the rows of a map with those of deletion.

    Both are scaled over these rows alone, so that with all visible rows this is the agreement of
    the whole maps (`analysis.saliency.agreement.Agreement.overall`).

    Args:
        importance: float32 [N, M], the map.
        deleted: float32 [S, M], the rows of occlusion.
        rows: intp [S], which rows these are.
        visible: bool [N].
    """
    first, second = importance[rows].astype(np.float64), deleted.astype(np.float64)
    return Faithfulness(int(visible.sum()), len(rows), *correlations(first, second))


def gain_of(first: Faithfulness | None, second: Faithfulness | None) -> float | None:
    """By how much the second of two maps of a case agrees better with deletion, in Pearson's r.

    None if one has no estimate, or if they rest on unlike samples.
    """
    if first is None or second is None or (first.sampled, first.of) != (second.sampled, second.of):
        return None
    if first.pearson is None or second.pearson is None:
        return None
    return second.pearson - first.pearson


def beside_in_words(
    shown: Faithfulness | None, other: Faithfulness | None, name: str, *, ascii_only: bool = False
) -> str:
    """Say how well a map agrees with deletion, and whether another of its case does better.

    Such as ``r ≈ 0.41 > gradient 0.12``; empty where they cannot be compared, see `gain_of`.

    Args:
        shown: The estimate of the map.
        other: That of the other map.
        name: What the other map is called.
        ascii_only: Write ``~`` for ``≈``.
    """
    gain = gain_of(shown, other)
    if not gain or shown is None or other is None:
        return ""
    about = shown._about(ascii_only=ascii_only)
    return f"r {about}{shown.pearson:.2f} {'<' if gain > 0 else '>'} {name} {other.pearson:.2f}"
