"""What every method yields and returns."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from torch import Tensor

from analysis.saliency.request import Method


@dataclass(frozen=True)
class Piece:
    """A rectangle of the map: float32 values [prompt tokens, response tokens] on the CPU."""

    rows: slice
    columns: slice
    values: Tensor


@dataclass(frozen=True)
class Totals:
    """What a backward pass tells before the map, float32 on the CPU.

    Attributes:
        values: [N], the sum of every row of the map.
        probabilities: [M], p(y_m | x, y_<m).
        note: What a reader should know of them; empty for nothing.
    """

    values: Tensor
    probabilities: Tensor
    note: str = ""


@dataclass(frozen=True)
class Restart:
    """The pieces so far are void, because another method starts."""


@dataclass(frozen=True)
class Ran:
    """How a map was computed.

    Attributes:
        method: The quantity and the algorithm that ran; never ``auto`` nor ``frozen_norms``.
        note: Why it is not the one requested, or ran in smaller batches; empty for nothing.
        dtype: Precision of the passes, which is that of the weights. Probabilities and products
            with the embeddings are always summed in at least float32.
        difference: Largest difference between weighted sums of the map's columns and those of a
            backward pass, as a share of the largest sum; None if nothing was compared.
    """

    method: Method
    note: str
    dtype: str
    difference: float | None = None


Pieces = Generator[Piece, None, str]
"""The pieces of a map, and a note for the user; empty for nothing."""
