"""The word pairs that the neuron pairs of attention heads relate, read from weights.

METHODS 2, paper 5.1. A *neuron pair* is column i of a head's W_q and of its W_k. It relates those
of the words that activate both most whose word vectors are similar enough; what several neuron
pairs of a head relate is the head's explanation. Only weights are used, no text.

A pair is ordered here: the query's word, then the key's. Comparing models treats a=b and b=a as one
pair and ignores case (`analysis.heads.changes`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.heads.compute.top_words import ROUNDING, Activations, TopWords
from analysis.words.compute.thresholds import Matrix, tensor_of

Pair = tuple[int, int, int]

TOP_WORDS = 100
"""K, the number of most activating words that a neuron pair combines."""

# Float32 entries of the vectors and cosines of neuron pairs processed at a time.
_BLOCK = 1 << 24


@dataclass(frozen=True, eq=False)
class WordPairs:
    """The word pairs of a head, by falling count, then by index of the first and second word.

    Attributes:
        first: int32 [P], index of the query's word.
        second: int32 [P], index of the key's word.
        count: int32 [P], number of neuron pairs that relate them.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    count: NDArray[np.int32]

    def explanation(self) -> WordPairs:
        """The pairs found by more than one neuron pair."""
        kept = self.count > 1
        return WordPairs(self.first[kept], self.second[kept], self.count[kept])

    def as_list(self) -> list[Pair]:
        return list(
            zip(self.first.tolist(), self.second.tolist(), self.count.tolist(), strict=True)
        )


@dataclass(frozen=True, eq=False)
class NeuronWordPairs:
    """The word pairs of each neuron pair of a head, by falling q · k, then by index.

    Attributes:
        first: int32 [P], index of the query's word.
        second: int32 [P], index of the key's word.
        score: float32 [P], q · k.
        starts: int64 [d + 1]; the pairs of neuron pair i are ``starts[i]:starts[i + 1]``.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    score: NDArray[np.float32]
    starts: NDArray[np.int64]


def head_word_pairs(
    embeddings: Matrix,
    w_q: Matrix,
    w_k: Matrix,
    vectors: Matrix,
    thresholds: Matrix,
    k: int = TOP_WORDS,
) -> list[Pair]:
    """The word pairs of one attention head (METHODS 2).

    Neuron pair i combines the k words with the largest |q|, q = E · W_q[:, i], with the k words
    with the largest |k|. A pair (a, b) is kept when q_a · k_b > 0, a ≠ b and
    cos(a, b) > max(θ_a, θ_b).

    Args:
        embeddings: [V, D], the inputs of the head's projections, one word per row.
        w_q: [D, d], norm folded in.
        w_k: [D, d], of the key head that serves this head.
        vectors: [V, G], unit length.
        thresholds: [V], θ; see `similarity_thresholds`.
        k: K.

    Returns:
        (word of the query, word of the key, number of neuron pairs), by falling count, then by
        index. Words that tie for a place among the k are chosen by lower index.

    Raises:
        ValueError: Shapes do not fit or a number is not finite.
    """
    (pairs,) = layer_word_pairs(embeddings, [w_q], [w_k], vectors, thresholds, k)
    return pairs.as_list()


def explanation(pairs: Sequence[Pair]) -> list[Pair]:
    """A head's explanation: its pairs found by more than one neuron pair, in the same order."""
    return [pair for pair in pairs if pair[2] > 1]


def layer_word_pairs(
    embeddings: Matrix,
    w_q: Sequence[Matrix] | Matrix,
    w_k: Sequence[Matrix] | Matrix,
    vectors: Matrix,
    thresholds: Matrix,
    k: int = TOP_WORDS,
) -> Iterator[WordPairs]:
    """The word pairs of every head of a layer, yielded head by head.

    Otherwise as `head_word_pairs`. Only the activations of one key head and of the heads it serves
    are in memory at a time.

    Args:
        embeddings: [V, D].
        w_q: [H, D, d], or H matrices.
        w_k: [H_k, D, d], or H_k matrices; if heads share keys, head h uses key head
            h // (H / H_k).
        vectors: [V, G].
        thresholds: [V].
        k: K.

    Yields:
        All pairs of head 0, of head 1, and so on.
    """
    activations, relation = Activations(tensor_of(embeddings)), _Relation(vectors, thresholds)
    _check(activations_words=len(embeddings), vector_words=len(relation), k=k)
    if len(w_k) == 0 or len(w_q) % len(w_k):
        raise ValueError(f"{len(w_q)} heads cannot share {len(w_k)} key heads")
    group = len(w_q) // len(w_k)
    for key_head in range(len(w_k)):
        served = range(key_head * group, (key_head + 1) * group)
        # One product for a key head and all heads it serves: larger products are faster.
        keys, *queries = _top_words(
            activations, [w_k[key_head], *(w_q[head] for head in served)], k
        )
        for each in queries:
            yield _counted(relation.related(each, keys), len(relation))


def neuron_word_pairs(
    embeddings: Matrix,
    w_q: Matrix,
    w_k: Matrix,
    vectors: Matrix,
    thresholds: Matrix,
    k: int = TOP_WORDS,
) -> NeuronWordPairs:
    """The word pairs of each of a head's neuron pairs; arguments as for `head_word_pairs`."""
    activations, relation = Activations(tensor_of(embeddings)), _Relation(vectors, thresholds)
    _check(activations_words=len(embeddings), vector_words=len(relation), k=k)
    queries, keys = _top_words(activations, [w_q, w_k], k, with_activations=True)
    found = relation.related(queries, keys)
    assert queries.activations is not None
    assert keys.activations is not None
    q = queries.activations[found.neuron, found.query]
    score = q * keys.activations[found.neuron, found.key]
    order = np.lexsort((found.second, found.first, -score, found.neuron))
    return NeuronWordPairs(
        found.first[order].astype(np.int32),
        found.second[order].astype(np.int32),
        score[order].astype(np.float32),
        np.searchsorted(found.neuron, np.arange(w_q.shape[1] + 1)).astype(np.int64),
    )


@dataclass(frozen=True, eq=False)
class _Related:
    """Related pairs by neuron pair: int64 [n] each.

    `query` and `key` are positions among the top words, `first` and `second` the words there.
    """

    neuron: NDArray[np.int64]
    query: NDArray[np.int64]
    key: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]


class _Relation:
    """Which words belong together: cos > max(θ), exactly."""

    def __init__(self, vectors: Matrix, thresholds: Matrix) -> None:
        self._given = tensor_of(vectors)
        self._vectors = self._given.float()
        # Not every device supports float64, so float64 work is done on the CPU.
        self._thresholds = tensor_of(thresholds).cpu().double()
        if self._given.ndim != 2 or self._thresholds.shape != self._given.shape[:1]:
            raise ValueError(
                f"vectors {tuple(self._given.shape)} and thresholds "
                f"{tuple(self._thresholds.shape)} must be [V, G] and [V]"
            )
        lengths = torch.linalg.vector_norm(self._vectors, dim=1)
        if not bool(lengths.isfinite().all() and self._thresholds.isfinite().all()):
            raise ValueError("the vectors or thresholds are not all finite")
        longest = max(1.0, float(lengths.max())) if len(lengths) else 1.0
        self._error = ROUNDING * math.sqrt(self._given.shape[1]) * longest**2

    def __len__(self) -> int:
        return len(self._given)

    def related(self, queries: TopWords, keys: TopWords) -> _Related:
        """The pairs of all neuron pairs of a head."""
        count, width = queries.words.shape
        step = max(1, _BLOCK // max(1, 2 * width * (self._given.shape[1] + width)))
        places = [
            self._kept(queries.of(part), keys.of(part)) + np.array([[part.start], [0], [0]])
            for part in (slice(start, start + step) for start in range(0, count, step))
        ]
        neuron, query, key = np.concatenate([np.empty((3, 0), dtype=np.int64), *places], axis=1)
        return _Related(neuron, query, key, queries.words[neuron, query], keys.words[neuron, key])

    def _kept(self, queries: TopWords, keys: TopWords) -> NDArray[np.int64]:
        """(neuron pair, query position, key position) of the kept pairs, int64 [3, n]."""
        device = self._vectors.device
        q, k = (torch.from_numpy(each.words).to(device) for each in (queries, keys))
        signs = [torch.from_numpy(each.signs).to(device) for each in (queries, keys)]
        margin = torch.bmm(self._vectors[q], self._vectors[k].mT)
        thresholds = self._thresholds.float().to(device)
        margin -= torch.maximum(thresholds[q][:, :, None], thresholds[k][:, None, :])
        near = margin > -self._error
        near &= signs[0][:, :, None] * signs[1][:, None, :] > 0
        near &= q[:, :, None] != k[:, None, :]
        found = near.nonzero()
        margins = margin[near]
        neuron, query, key = found.unbind(1)
        kept = margins > self._error
        doubtful = (~kept).nonzero()[:, 0]
        kept[doubtful] = self._exceeds(
            q[neuron[doubtful], query[doubtful]], k[neuron[doubtful], key[doubtful]]
        )
        return found[kept].T.cpu().numpy()

    def _exceeds(self, first: Tensor, second: Tensor) -> Tensor:
        """Whether cos > max(θ) for pairs of words, in float64; bool [n]."""
        result = torch.empty(len(first), dtype=torch.bool, device=first.device)
        step = max(1, _BLOCK // max(1, 4 * self._given.shape[1]))
        for start in range(0, len(first), step):
            pair = [each[start : start + step] for each in (first, second)]
            a, b = (self._given[each].cpu().double() for each in pair)
            threshold = torch.maximum(*(self._thresholds[each.cpu()] for each in pair))
            result[start : start + step] = ((a * b).sum(1) > threshold).to(first.device)
        return result


def _top_words(
    activations: Activations, projections: Sequence[Matrix], k: int, with_activations: bool = False
) -> list[TopWords]:
    """The top words of several projections [D, d], from one product."""
    size = projections[0].shape[1]
    if any(each.shape != projections[0].shape for each in projections):
        raise ValueError(f"w_q and w_k must all be [D, {size}]")
    side_by_side = torch.cat([tensor_of(each) for each in projections], dim=1)
    tops = activations.top_words(side_by_side, k, with_activations=with_activations)
    return [tops.of(slice(start, start + size)) for start in range(0, len(tops.words), size)]


def _counted(found: _Related, words: int) -> WordPairs:
    """The distinct pairs, each with its number of neuron pairs."""
    pairs, count = np.unique(found.first * words + found.second, return_counts=True)
    order = np.argsort(-count, kind="stable")
    first, second = np.divmod(pairs[order], max(1, words))
    return WordPairs(first.astype(np.int32), second.astype(np.int32), count[order].astype(np.int32))


def _check(*, activations_words: int, vector_words: int, k: int) -> None:
    if activations_words != vector_words:
        raise ValueError(f"{activations_words} embeddings and {vector_words} word vectors differ")
    if vector_words == 0:
        raise ValueError("there are no words")
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
