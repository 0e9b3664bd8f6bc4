"""Word vectors from counts: positive pointwise mutual information, reduced by an SVD.

Levy and Goldberg (2014) show that skip-gram approximates this; on a small corpus counting is
faster than training, and exact.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import svds

WINDOW = 5
DIMENSIONS = 64
MINIMUM_COUNT = 10

_WORD = re.compile(r"[^\W\d_]+")


def write_word_vectors(texts: Sequence[str], path: Path) -> None:
    """Learn vectors from `texts` and write words, vectors (float16) and counts to `path` (.npz)."""
    documents = [_WORD.findall(text.lower()) for text in texts]
    counts = Counter(word for document in documents for word in document)
    # Break ties alphabetically, so that the file does not depend on the order of documents.
    frequent = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    words = [word for word, count in frequent if count >= MINIMUM_COUNT]
    vectors = reduce(information(co_occurrences(documents, words)))
    np.savez_compressed(
        path,
        words=np.array(words),
        vectors=vectors.astype(np.float16),
        counts=np.array([counts[word] for word in words], dtype=np.int64),
    )


def co_occurrences(documents: Sequence[Sequence[str]], words: Sequence[str]) -> sparse.csr_array:
    """How often two words occur near each other, symmetric [words, words].

    Neighbours at distance d within `WINDOW` count 1/d; other words only take up positions.
    """
    index = {word: number for number, word in enumerate(words)}
    # A gap of WINDOW between documents keeps their words apart.
    gap = [-1] * WINDOW
    stream = np.array(
        [number for doc in documents for number in [*(index.get(w, -1) for w in doc), *gap]]
    )
    total = sparse.csr_array((len(words), len(words)))
    for distance in range(1, WINDOW + 1):
        left, right = stream[:-distance], stream[distance:]
        known = (left >= 0) & (right >= 0)
        weights = np.full(int(known.sum()), 1 / distance)
        total = total + sparse.coo_array((weights, (left[known], right[known])), total.shape)
    return sparse.csr_array(total + total.T)


def information(counts: sparse.csr_array) -> sparse.csr_array:
    """Positive pointwise mutual information of co-occurrence counts, same shape."""
    pairs = counts.tocoo()
    marginal = np.asarray(counts.sum(axis=1)).ravel()
    row, column = pairs.coords
    values = np.log(pairs.data * marginal.sum() / (marginal[row] * marginal[column]))
    positive = values > 0
    return sparse.csr_array(
        (values[positive], (row[positive], column[positive])), shape=counts.shape
    )


def reduce(matrix: sparse.csr_array, dimensions: int = DIMENSIONS) -> npt.NDArray[np.float64]:
    """Left singular vectors times the root of the singular values, [words, dimensions]."""
    rank = min(dimensions, min(matrix.shape) - 1)
    # A fixed starting vector instead of the random default makes the vectors reproducible.
    left, values, _ = svds(matrix, k=rank, v0=np.ones(matrix.shape[0]))
    scaled: npt.NDArray[np.float64] = left[:, ::-1] * np.sqrt(values[::-1])
    return scaled
