"""Results: the principal components of a layer in both models."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray


class Components(msgspec.Struct, frozen=True):
    """The principal components of one model's layer, by falling explained variance.

    Attributes:
        model: The model's name.
        explained_variance: float64 [R], share of the total variance.
        words: The words that occur, as written.
        word_indices: int32 [R, K], indices into `words`, by falling measure.
        measures: float32 [R, K], signed cosine, or projection, of word and direction.
    """

    model: str
    explained_variance: NDArray[np.float64]
    words: tuple[str, ...]
    word_indices: NDArray[np.int32]
    measures: NDArray[np.float32]


class LayerConcepts(msgspec.Struct, frozen=True, tag="concepts"):
    """The components of a layer in both models, and their rotation by tuning (METHODS 3).

    Attributes:
        layer: From 0.
        expert: From 0; -1 in a dense model.
        base: The base model's components.
        tuned: The tuned model's.
        matched: int32 [R], the tuned component matched to each base component.
        angles: float64 [R], degrees between matched components, 0 to 90.
        subspace_angles: float64 [R], principal angles in degrees between the spaces, falling.
        notes: What the user should know, in words.
        seconds: Computing time.
        device: The device that computed both models' components.
    """

    layer: int
    expert: int
    base: Components
    tuned: Components
    matched: NDArray[np.int32]
    angles: NDArray[np.float64]
    subspace_angles: NDArray[np.float64]
    notes: tuple[str, ...]
    seconds: float
    device: str = ""
