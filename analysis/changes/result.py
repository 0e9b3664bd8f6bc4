"""Results: how every tensor of a layer changed, and along which directions."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray


class Directions(msgspec.Struct, frozen=True):
    """The first directions of a matrix's change ΔW, by falling singular value (METHODS 10).

    Attributes:
        singular_values: float64 [R].
        settled: bool [R], False where a direction may be turned by more than a few degrees.
        effective_rank: exp of the entropy of σ² / Σσ².
        effective_rank_error: Its standard error; 0 where nothing had to be estimated.
        holding: How many directions hold 90 % of ‖ΔW‖².
        holding_exact: Whether that number is computed, not estimated.
        side: The side of the matrix that the directions are of and that has words: ``reads``, its
            inputs; ``writes``, its outputs; empty if neither is the residual stream.
        embeddings: The token embeddings that the words are compared by.
        words: The words that occur, as written.
        word_indices: int32 [R, 2, K], indices into `words`, best first: at the direction's
            positive end, then at its negative one. [R, 2, 0] without words.
        cosines: float32 [R, 2, K], of word and direction; negative at the negative end.
    """

    singular_values: NDArray[np.float64]
    settled: NDArray[np.bool_]
    effective_rank: float
    effective_rank_error: float
    holding: int
    holding_exact: bool
    side: Literal["reads", "writes", ""]
    embeddings: Literal["input", "output", ""]
    words: tuple[str, ...]
    word_indices: NDArray[np.int32]
    cosines: NDArray[np.float32]

    def ends(self, direction: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The words at the positive and at the negative end of a direction, best first."""
        positive, negative = self.word_indices[direction].tolist()
        return tuple(self.words[n] for n in positive), tuple(self.words[n] for n in negative)


class TensorChange(msgspec.Struct, frozen=True):
    """How one tensor changed, or one of every expert.

    Attributes:
        role: What it is: ``query``, ``experts.down``, or its own name.
        tensor: Its name in the base model's files, the first one of several experts'.
        shape: [in, out] of a matrix, one expert's; otherwise as stored.
        experts: How many experts it stands for; 0 if it is not one of experts.
        norm_base: ‖W‖, Frobenius, over all experts.
        norm_change: ‖ΔW‖; exactly 0 if nothing changed.
        directions: None for what is no matrix, and where nothing changed.
    """

    role: str
    tensor: str
    shape: tuple[int, ...]
    experts: int
    norm_base: float
    norm_change: float
    directions: Directions | None

    @property
    def relative(self) -> float:
        """‖ΔW‖ / ‖W‖; infinite where a tensor of zeros became another."""
        if not self.norm_change:
            return 0.0
        return self.norm_change / self.norm_base if self.norm_base else float("inf")

    @property
    def is_matrix(self) -> bool:
        return len(self.shape) == 2

    @property
    def stable_rank(self) -> float | None:
        """‖ΔW‖² / σ₁²; None without singular values."""
        if self.directions is None:
            return None
        return float((self.norm_change / self.directions.singular_values[0]) ** 2)

    @property
    def top_share(self) -> float | None:
        """The share of ‖ΔW‖² that the directions kept hold together."""
        if self.directions is None:
            return None
        squares = self.directions.singular_values**2
        return min(1.0, float(squares.sum()) / self.norm_change**2)


class LayerChanges(msgspec.Struct, frozen=True, tag="changes"):
    """How every tensor of a layer changed.

    Attributes:
        layer: From 0; -1 for what stands outside the layers.
        base: The base model's name.
        tuned: The tuned model's.
        tensors: Matrices first, in the order in which a token meets them.
        notes: What the user should know, in words.
        seconds: Computing time.
        device: The device that computed it.
    """

    layer: int
    base: str
    tuned: str
    tensors: tuple[TensorChange, ...]
    notes: tuple[str, ...]
    seconds: float
    device: str = ""

    @property
    def unchanged(self) -> bool:
        """Whether no number differs."""
        return not any(each.norm_change for each in self.tensors)

    def of(self, role: str) -> TensorChange | None:
        return next((each for each in self.tensors if each.role == role), None)
