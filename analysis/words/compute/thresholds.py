"""The similarity that two words must exceed to count as related (METHODS 2)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.words.choice import DEVIATIONS, FREQUENT

Matrix = Tensor | NDArray[np.floating]

# Float32 entries in one block of cosines.
_BLOCK = 1 << 24


def similarity_thresholds(
    vectors: Matrix, frequent: int = FREQUENT, deviations: float = DEVIATIONS
) -> NDArray[np.float64]:
    """The similarity above which another word is related to a word (METHODS 2): mean + 1.96 · std.

    Mean and population standard deviation of the cosines between the word and the most frequent
    words; a frequent word's cosine with itself counts too.

    Args:
        vectors: [V, G], unit length, the most frequent word first.
        frequent: How many words count as frequent; all if there are fewer.
        deviations: How many standard deviations above the mean, 1.96 by default.

    Returns:
        float64 [V].
    """
    rows = tensor_of(vectors).float()
    result = np.empty(len(rows))
    reference = rows[:frequent].T
    step = max(1, _BLOCK // max(1, reference.shape[1]))
    for start in range(0, len(rows), step):
        cosines = (rows[start : start + step] @ reference).cpu().double()
        deviation, mean = torch.std_mean(cosines, dim=1, correction=0)
        result[start : start + step] = (mean + deviations * deviation).numpy()
    return result


def tensor_of(matrix: Matrix) -> Tensor:
    """A tensor without gradient; shares memory with writable arrays."""
    if isinstance(matrix, Tensor):
        return matrix.detach()
    # Torch warns about arrays that are not writable, such as read-only memory maps.
    return torch.from_numpy(matrix if matrix.flags.writeable else matrix.copy())
