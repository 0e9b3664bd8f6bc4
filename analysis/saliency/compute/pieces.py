"""What every method yields and returns."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from torch import Tensor

from analysis.saliency.request import Method


@dataclass(frozen=True)
class Piece:
    """A rectangle of the map.

    Attributes:
        rows: Which prompt tokens.
        columns: Which response tokens.
        values: float32 on the CPU, as many rows and columns as the slices span.
    """

    rows: slice
    columns: slice
    values: Tensor


@dataclass(frozen=True)
class Totals:
    """The sum of every row of the map, before the map.

    Attributes:
        values: float32 [N] on the CPU.
    """

    values: Tensor


@dataclass(frozen=True)
class Restart:
    """The pieces so far are void: another method begins."""


@dataclass(frozen=True)
class Ran:
    """How a map was computed.

    Attributes:
        method: The algorithm that ran; never ``auto``.
        note: Why it is another than asked for, or ran in smaller batches; empty for nothing.
        dtype: Precision of the passes, which is that of the weights. Whatever it is, probabilities
            and the products with the embeddings are summed in float32 at least.
        difference: How far weighted sums of the map's columns are at most from what a backward pass
            says of them, as a share of the largest of those sums; None where nothing was compared.
    """

    method: Method
    note: str
    dtype: str
    difference: float | None = None


Pieces = Generator[Piece, None, str]
"""The pieces of a map, and a note for the user; empty for nothing."""
