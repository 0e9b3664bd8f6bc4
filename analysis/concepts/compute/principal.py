"""Principal components of a feed-forward down projection, in words (METHODS 3, paper 5.2)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.concepts.rotation import suited_to

Measure = Literal["cosine", "projection"]

SPARE = 16
"""Eigenvectors computed beyond the rank, because the last ones mix with the next."""

SEPARATE = 3e-5
"""Float32 suffices if the kept variances and those beyond the spare ones differ by more than this
share of the largest. In a trained layer of 4,096 dimensions they differ by twenty times that."""

FAINTEST = 1e-12
"""Variances up to this share of the largest are rounding errors, not components."""

NARROW = 1024
"""Matrices up to this size are decomposed in float64 from the start, at no real cost."""

BLOCK = 512
"""Number of rows to convert, or to compare in float64, at a time."""

Matrix = Tensor | NDArray[Any]


class PrincipalWords(NamedTuple):
    """The R principal components of a layer, by falling explained variance.

    Attributes:
        directions: float32 [R, D], unit vectors v_r; the entry of largest magnitude is positive.
        explained_variance: float64 [R], λ_r / Σλ over all components, not only these.
        word_indices: int32 [R, K], rows of the output embeddings, best first.
        measures: float32 [R, K], signed cosine (or projection) of word and direction.
    """

    directions: NDArray[np.float32]
    explained_variance: NDArray[np.float64]
    word_indices: NDArray[np.int32]
    measures: NDArray[np.float32]


def principal_words(
    w_down: Matrix,
    output_embeddings: Matrix,
    rank: int = 300,
    k: int = 15,
    *,
    measure: Measure = "cosine",
) -> PrincipalWords:
    """The top principal components of feed-forward patterns, each with its words.

    Runs on the device of `w_down`: a CUDA device or else the CPU.

    Args:
        w_down: [D_ff, D], the down projection; its rows are the patterns. Any float dtype.
        output_embeddings: [V, D], one vector E_o[w] per word. Any float dtype.
        rank: R, the number of components. Fewer are returned if the patterns have fewer: at most
            min(D_ff, D), and none whose variance is within rounding error of 0.
        k: K, the words of a component; at most V.
        measure: ``cosine``: words by falling |cos(v_r, E_o[w])|, either sign (published code).
            ``projection``: by falling v_r · E_o[w], large positive ones only (the paper's formula);
            here the sign of v_r decides which end of the direction is described. Equal words are
            ordered by index.

    Returns:
        The components; four empty arrays for patterns without variance.

    Raises:
        ValueError: The shapes do not fit, a number is not finite, or `rank` or `k` is below 1.
    """
    patterns, vectors = _tensor(w_down), _tensor(output_embeddings)
    if patterns.ndim != 2 or vectors.ndim != 2 or patterns.shape[1] != vectors.shape[1]:
        raise ValueError(
            "w_down must be [D_ff, D] and output_embeddings [V, D], "
            f"not of shapes {tuple(patterns.shape)} and {tuple(vectors.shape)}"
        )
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if measure not in get_args(Measure):
        raise ValueError(f"unknown measure {measure!r}")
    with torch.no_grad(), suited_to(patterns.shape[1]):
        directions, explained_variance = principal_components(patterns, rank)
        word_indices, measures = nearest_words(directions, vectors, k, measure)
    return PrincipalWords(
        directions.to("cpu", torch.float32).numpy(), explained_variance, word_indices, measures
    )


def _tensor(values: Matrix) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach()
    with warnings.catch_warnings():
        # Read-only memory maps are fine: nothing here writes to them.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(values)


def principal_components(patterns: Tensor, rank: int) -> tuple[Tensor, NDArray[np.float64]]:
    """float64 [R, D] unit directions and float64 [R] shares of the variance; see `PrincipalWords`.

    `patterns` are [D_ff, D]; to be called without a graph, within `suited_to`.
    """
    if rank < 1:
        raise ValueError(f"rank must be at least 1, not {rank}")
    centred = _centred(patterns) if patterns.numel() else None
    if centred is None:
        return patterns.new_zeros(0, patterns.shape[1], dtype=torch.float64), np.zeros(0)
    directions, variance, total = _decompose(centred, rank + SPARE)
    gap = variance[:rank][-1] - variance[-1]
    if len(variance) > rank and gap < SEPARATE * variance[0] and centred.dtype == torch.float32:
        directions, variance, total = _decompose(centred.double(), rank + SPARE)
    kept = variance[:rank] > FAINTEST * variance[0]
    directions = directions[:rank][kept]
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    return directions * largest.sign(), (variance[:rank][kept] / total).cpu().numpy()


def _decompose(centred: Tensor, count: int) -> tuple[Tensor, Tensor, float]:
    """float64 [count, D] leading directions of W̃, [count] variances along them, and the total.

    The leading eigenvectors of C = W̃ᵀW̃ are accurate up to rounding, which mixes close neighbours. A
    Rayleigh-Ritz step undoes most of that: within the space spanned by the eigenvectors it takes
    the directions along which W̃ itself varies most, with variances summed in float64.
    """
    gram = _gram(centred)
    total = float(gram.diagonal().double().sum())
    vectors = _leading_eigenvectors(gram, count)
    if len(gram) < centred.shape[1]:
        vectors = torch.nn.functional.normalize(centred.T @ vectors, dim=0)
    basis = torch.linalg.qr(vectors.double()).Q
    covariance = basis.new_zeros(basis.shape[1], basis.shape[1])
    projection = basis.to(centred.dtype)
    for rows in _blocks(len(centred)):
        scores = (centred[rows] @ projection).double()
        covariance += scores.T @ scores
    variance, turn = torch.linalg.eigh(covariance)
    return (basis @ turn.flip(1)).T, variance.flip(0), total


def _centred(patterns: Tensor) -> Tensor | None:
    """W̃ = [D_ff, D] patterns minus their mean, in the same memory layout; None if all are 0."""
    if not patterns.is_cuda:
        patterns = patterns.cpu()
    dtype = torch.float64 if min(patterns.shape) <= NARROW else torch.float32
    centred = patterns.to(dtype, copy=True)
    mean = centred.mean(dim=0)
    if not bool(mean.isfinite().all()):
        raise ValueError("w_down holds numbers that are not finite")
    centred -= mean
    # Rounding of the mean leaves the same error in every pattern; subtract that too.
    centred -= centred.mean(dim=0)
    largest = torch.linalg.vector_norm(centred, ord=float("inf"), dim=0)
    varies = bool((largest > torch.finfo(dtype).eps * mean.abs()).any())
    return centred if varies else None


def _blocks(count: int) -> Iterator[slice]:
    """Consecutive slices of the rows 0 to `count`."""
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))


def _gram(centred: Tensor) -> Tensor:
    """W̃ᵀW̃, or W̃W̃ᵀ if that is smaller: the same eigenvalues, and v = W̃ᵀu / ‖W̃ᵀu‖."""
    few = centred.shape[0] < centred.shape[1]
    if centred.is_cuda:
        return centred @ centred.T if few else centred.T @ centred
    # numpy needs half the operations to multiply a matrix by its own transpose; torch does not.
    values = centred.numpy()
    return torch.from_numpy(values @ values.T if few else values.T @ values)


def _leading_eigenvectors(gram: Tensor, count: int) -> Tensor:
    """[S, count] eigenvectors of the largest eigenvalues; all if there are fewer.

    Overwrites `gram`, [S, S].
    """
    first = max(len(gram) - count, 0)
    if gram.is_cuda:
        vectors: Tensor = torch.linalg.eigh(gram).eigenvectors[:, first:]
        return vectors
    _, leading = scipy.linalg.eigh(
        gram.numpy().T,  # the same matrix, in the memory order that needs no copy
        subset_by_index=(first, len(gram) - 1),
        driver="evr",
        overwrite_a=True,
        check_finite=False,
    )
    return torch.from_numpy(leading)


def nearest_words(
    directions: Tensor, vectors: Tensor, k: int, measure: Measure
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """int32 [R, K] words of each unit direction, best first, and float32 [R, K] signed measures.

    The directions are float64 [R, D], `vectors` [V, D]; order and sign as in `principal_words`. All
    words are compared in float32, and those that may be among the best again in float64, so that
    rounding decides no order and equal vectors are exactly equal.
    """
    k = min(k, len(vectors))
    scores = torch.empty(len(directions), len(vectors), device=directions.device)
    longest = 0.0
    single = directions.float()
    for rows in _blocks(len(vectors)):
        block = vectors[rows].to(directions.device, torch.float32)
        lengths = block.norm(dim=1)
        if not bool(lengths.isfinite().all()):
            raise ValueError("output_embeddings holds numbers that are not finite")
        products = single @ block.T
        if measure == "cosine":
            products /= torch.where(lengths > 0.0, lengths, 1.0)
        scores[:, rows] = products
        longest = max(longest, float(lengths.max()))
    if not scores.numel():
        empty = (len(directions), k)
        return np.zeros(empty, np.int32), np.zeros(empty, np.float32)
    if measure == "cosine":
        scores.abs_()
    slack = 1e-6 * (1.0 if measure == "cosine" else longest)
    least = scores.topk(k).values[:, -1:] - slack
    components, words = (scores >= least).nonzero(as_tuple=True)
    exact = torch.cat(
        [
            _exact_measures(
                directions[components[some]], vectors[words[some].to(vectors.device)], measure
            )
            for some in _blocks(len(words))
        ]
    )
    r, w, values = (each.cpu().numpy() for each in (components, words, exact))
    order = np.lexsort((w, -np.abs(values) if measure == "cosine" else -values, r))
    firsts = np.searchsorted(r, np.arange(len(directions)))
    best = order[firsts[:, None] + np.arange(k)]
    return w[best].astype(np.int32), values[best].astype(np.float32)


def _exact_measures(directions: Tensor, vectors: Tensor, measure: Measure) -> Tensor:
    """float64 [P] measures of P unit directions [P, D] with P word vectors [P, D]."""
    vectors = vectors.to(directions.device, torch.float64)
    products = (directions * vectors).sum(dim=1)
    if measure == "projection":
        return products
    lengths = vectors.norm(dim=1)
    return products / torch.where(lengths > 0.0, lengths, 1.0)
