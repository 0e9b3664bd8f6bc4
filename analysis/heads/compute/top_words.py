"""The words that activate a neuron most: exact results at the speed of a float32 product.

Float32 products leave the 100th word undecided when two are close. Where rounding could decide, the
activations in question are recomputed in float64, every row with the same order of additions. The
result therefore depends only on the weights, not on the machine or the batching; words with equal
rows tie exactly and the lower index wins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROUNDING = 8 * 2.0**-24
"""The error of a float32 product of two vectors of n entries is below this · √n · their lengths:
eight times what independent rounding errors add up to."""

# Neurons per product: more are no faster, and V activations of each are held in memory.
_NEURONS = 512

# Float64 entries gathered at a time.
_BLOCK = 1 << 23


@dataclass(frozen=True, eq=False)
class TopWords:
    """The K words with the largest |activation| for each of d neurons, in no particular order.

    Attributes:
        words: int64 [d, K], word indices.
        signs: int8 [d, K], sign of the activation; 0 if it is zero. A neuron without weights has
            only signs of 0.
        activations: float64 [d, K] if requested.
    """

    words: NDArray[np.int64]
    signs: NDArray[np.int8]
    activations: NDArray[np.float64] | None = None

    def of(self, neurons: slice) -> TopWords:
        """The top words of some of the neurons."""
        values = None if self.activations is None else self.activations[neurons]
        return TopWords(self.words[neurons], self.signs[neurons], values)


class Activations:
    """Computes the activations of neurons on fixed embeddings."""

    def __init__(self, embeddings: Tensor) -> None:
        """Keep the embeddings, [V, D], any floating dtype and device; float32 is not copied.

        Raises ValueError if they are not [V, D] or not finite.
        """
        if embeddings.ndim != 2:
            raise ValueError(f"embeddings must be [V, D], not of shape {tuple(embeddings.shape)}")
        self._given = embeddings
        self._float32 = embeddings.float()
        lengths = torch.linalg.vector_norm(self._float32, dim=1)
        if not bool(lengths.isfinite().all()):
            raise ValueError("the embeddings are not all finite")
        self._longest = float(lengths.max()) if len(lengths) else 0.0

    def top_words(self, weights: Tensor, k: int, *, with_activations: bool = False) -> TopWords:
        """The min(k, V) words with the largest |activation| of each neuron; ties by lower index.

        Args:
            weights: [D, d], one neuron per column.
            k: K.
            with_activations: Compute the activations of the chosen words in float64.

        Raises:
            ValueError: The weights do not fit or are not finite.
        """
        words, dimensions = self._float32.shape
        if weights.ndim != 2 or len(weights) != dimensions:
            raise ValueError(f"weights must be [{dimensions}, d], not {tuple(weights.shape)}")
        blocks = [
            self._top_words(each, min(k, words)) for each in torch.split(weights, _NEURONS, dim=1)
        ]
        chosen, signs = (np.concatenate(each) for each in zip(*blocks, strict=True))
        if not with_activations:
            return TopWords(chosen, signs)
        every = np.repeat(np.arange(len(chosen)), chosen.shape[1])
        values = self._exact(weights, every, chosen.ravel())
        return TopWords(chosen, signs, values.reshape(chosen.shape))

    def _top_words(self, weights: Tensor, k: int) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """The words [d, k] and signs [d, k] of some neurons."""
        neurons = weights.to(self._float32).contiguous()
        lengths = torch.linalg.vector_norm(neurons, dim=0)
        if not bool(lengths.isfinite().all()):
            raise ValueError("the weights are not all finite")
        error = lengths * (ROUNDING * math.sqrt(len(weights)) * self._longest)
        # Make neurons the rows, so that each neuron's words are contiguous below.
        activations = (self._float32 @ neurons).T.contiguous()
        sizes = activations.abs()
        smallest = sizes.topk(k, dim=1).values[:, -1]
        # Words below `lowest` are certainly not among the K.
        lowest = (smallest - 2 * error).masked_fill_(lengths == 0, math.inf)
        found = (sizes >= lowest[:, None]).nonzero()
        size = sizes[found[:, 0], found[:, 1]]
        sure = size > (smallest + 2 * error)[found[:, 0]]
        near_zero = size <= error[found[:, 0]]
        sign = activations[found[:, 0], found[:, 1]].sign().to(torch.int8).cpu().numpy()
        neuron, word = (each.cpu().numpy() for each in found.unbind(1))

        contested = np.bincount(neuron, minlength=weights.shape[1])[neuron] > k
        rank = np.full(len(word), np.inf)
        doubtful = np.flatnonzero(contested & ~sure.cpu().numpy() | near_zero.cpu().numpy())
        exact = self._exact(weights, neuron[doubtful], word[doubtful])
        rank[doubtful], sign[doubtful] = np.abs(exact), np.sign(exact)
        # Certain words first; uncertain ones by exact activation, then by index.
        order = np.lexsort((word, -rank, neuron))
        neuron, word, sign = neuron[order], word[order], sign[order]
        place = np.arange(len(neuron)) - np.searchsorted(neuron, neuron)
        neuron, word, sign, place = (each[place < k] for each in (neuron, word, sign, place))

        chosen = np.zeros((weights.shape[1], k), dtype=np.int64)
        signs = np.zeros(chosen.shape, dtype=np.int8)
        chosen[neuron, place], signs[neuron, place] = word, sign
        return chosen, signs

    def _exact(
        self, weights: Tensor, neurons: NDArray[np.int64], words: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Activations of (neuron, word) pairs in float64, [n]; equal rows give equal numbers."""
        columns = weights.T.contiguous().cpu().double().numpy()
        result = np.empty(len(words))
        step = max(1, _BLOCK // max(1, columns.shape[1]))
        for start in range(0, len(words), step):
            part = slice(start, start + step)
            rows = self._given[torch.from_numpy(words[part]).to(self._given.device)]
            result[part] = (rows.cpu().double().numpy() * columns[neurons[part]]).sum(axis=1)
        return result
