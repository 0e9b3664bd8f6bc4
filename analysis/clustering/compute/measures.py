"""Measures how well clusters of hidden states agree with labels (METHODS 5).

scikit-learn does the clustering and provides the adjusted scores; no model is needed.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix, pair_confusion_matrix
from sklearn.neighbors import NearestNeighbors

from analysis.problems import problem

STARTS = 3
"""Number of K-Means runs from different k-means++ centres; the tightest clustering is kept."""

COMPONENTS, PERPLEXITY, ITERATIONS = 3, 10, 2_000
"""Parameters of t-SNE, as in the paper."""

MOST_FOR_TSNE = 800
"""Maximum number of instances: t-SNE takes 15 seconds per layer for this many, on one core."""


@dataclass(frozen=True)
class ClusterScores:
    """Agreement of a clustering with labels.

    Attributes:
        f1: Mean F1 of the labels, each matched with a cluster of its own, 0 to 1.
        pair_f1: Harmonic mean of precision and recall over pairs of instances, 0 to 1.
        ari: Adjusted Rand index, -0.5 to 1; about 0 for random labels.
        ami: Adjusted mutual information, at most 1; about 0 for random labels.
    """

    f1: float
    pair_f1: float
    ari: float
    ami: float


@dataclass(frozen=True, eq=False)
class NeighbourScores:
    """Agreement of unseen instances with their nearest training instances.

    Attributes:
        share: Mean share of the K nearest that have the unseen instance's task, 0 to 1.
        accuracy: Share of unseen instances whose output is the most frequent among the K nearest.
        of_task: int64 [m], how many of the K nearest have the unseen instance's task.
        predicted: bool [m], the K nearest predict the unseen instance's output.
    """

    share: float
    accuracy: float
    of_task: NDArray[np.int64]
    predicted: NDArray[np.bool_]


def cluster_scores(
    states: NDArray[Any], labels: NDArray[Any], *, tsne: bool = False, seed: int = 0
) -> ClusterScores:
    """Cluster states with K-Means and score the clusters against labels (METHODS 5).

    There are as many clusters as distinct labels.

    Args:
        states: [n, D] floating point, one row per instance.
        labels: [n] integers or strings.
        tsne: Reduce the states to three dimensions by t-SNE first.
        seed: For K-Means and t-SNE.

    Raises:
        ProblemError: ``input`` if there is only one instance or label, a state is not finite, or
            there are too few instances for t-SNE.
        ValueError: The shapes do not fit.
    """
    if np.ndim(states) != 2 or np.shape(labels) != np.shape(states)[:1]:
        raise ValueError(
            f"states must be [n, D] and labels [n], not {np.shape(states)} and {np.shape(labels)}"
        )
    count = len(np.unique(labels))
    if count < 2:
        raise problem(
            "input",
            "There is nothing to compare.",
            f"{len(labels):,} instances have {count} label{'' if count == 1 else 's'} among them; "
            "clusters need two or more.",
            "Give instances of at least two tasks.",
        )
    points = reduced(states, seed=seed) if tsne else states
    return scores(labels, clusters(points, count, seed=seed))


def clusters(points: NDArray[Any], count: int, *, seed: int = 0) -> NDArray[np.int32]:
    """The cluster of every point, int32 [n], by K-Means with `count` clusters.

    Coinciding points share a cluster, so there may be fewer clusters than `count`.

    Args:
        points: [n, D] with n ≥ `count`.
        count: k, at least 1.
        seed: For the initial centres.

    Raises:
        ProblemError: ``input`` if a point is not finite.
    """
    refuse_not_finite(points)
    model = KMeans(count, n_init=STARTS, random_state=seed)
    with warnings.catch_warnings():
        # It warns if there are fewer distinct points than clusters; its result is still correct.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found: NDArray[np.int32] = model.fit_predict(np.asarray(points, dtype=np.float32))
    return found


def scores(labels: NDArray[Any], found: NDArray[np.int32]) -> ClusterScores:
    """Agreement of labels [n] with clusters [n]."""
    return ClusterScores(
        matched_f1(labels, found),
        pairwise_f1(labels, found),
        float(adjusted_rand_score(labels, found)),
        float(adjusted_mutual_info_score(labels, found)),
    )


def matched_f1(labels: NDArray[Any], found: NDArray[np.int32]) -> float:
    """Mean F1 of the labels, each matched with at most one cluster and each cluster with one label.

    With C[a, b] instances of label a in cluster b, their F1 is 2 C[a, b] / (size of a + size of
    b). The matching is the one with the largest sum of these (Hungarian method), so the score does
    not depend on how clusters are numbered. A label left without a cluster counts as 0.

    Args:
        labels: [n] integers or strings, n at least 1.
        found: [n] the cluster of every instance.
    """
    table = contingency_matrix(labels, found).astype(np.float64)
    sizes = table.sum(axis=1)[:, None] + table.sum(axis=0)[None, :]
    f1 = 2 * table / sizes
    return float(f1[linear_sum_assignment(f1, maximize=True)].sum() / len(f1))


def pairwise_f1(labels: NDArray[Any], found: NDArray[np.int32]) -> float:
    """F1 over pairs of instances: a pair is relevant by its labels, retrieved by its clusters.

    1 if no two instances share a label or a cluster: nothing to find, nothing found.
    """
    table = pair_confusion_matrix(labels, found)
    errors, hits = int(table[0, 1] + table[1, 0]), int(table[1, 1])
    return 2 * hits / (2 * hits + errors) if hits or errors else 1.0


def reduced(states: NDArray[Any], *, seed: int = 0) -> NDArray[np.float32]:
    """The states in three dimensions by t-SNE from a PCA start, Euclidean, float32 [n, 3].

    Raises:
        ProblemError: ``input`` if there are too few instances or dimensions, or a state is not
            finite.
    """
    refuse_not_finite(states)
    instances, width = states.shape
    if instances <= PERPLEXITY or width < COMPONENTS:
        raise problem(
            "input",
            "t-SNE cannot be used here.",
            f"It needs more than {PERPLEXITY} instances of {COMPONENTS} dimensions or more; "
            f"there are {instances} of {width}.",
            "Give more instances, or leave t-SNE out.",
        )
    points = np.asarray(states, dtype=np.float32)
    if not (points != points[0]).any():
        # All states are equal: t-SNE would divide by their spread.
        return np.zeros((instances, COMPONENTS), dtype=np.float32)
    found: NDArray[np.float32] = TSNE(
        COMPONENTS, perplexity=PERPLEXITY, max_iter=ITERATIONS, init="pca", random_state=seed
    ).fit_transform(points)
    return found


def plane(points: NDArray[Any], *, seed: int = 0) -> NDArray[np.float32]:
    """The first two principal components of points [n, D], float32 [n, 2]; 0 if missing."""
    refuse_not_finite(points)
    kept = min(2, *points.shape)
    found = np.zeros((len(points), 2), dtype=np.float32)
    if (points != points[:1]).any():
        values = np.asarray(points, dtype=np.float32)
        found[:, :kept] = PCA(kept, random_state=seed).fit_transform(values)
    return found


def neighbour_scores(
    train_states: NDArray[Any],
    train_tasks: NDArray[Any],
    train_outputs: NDArray[Any],
    states: NDArray[Any],
    tasks: NDArray[Any],
    outputs: NDArray[Any],
    *,
    k: int = 10,
) -> NeighbourScores:
    """Compare unseen instances with their K nearest training instances, Euclidean (METHODS 5).

    The predicted output is the most frequent among the K; of equally frequent ones, the nearest.

    Args:
        train_states: [n, D] of the training instances.
        train_tasks: [n] their tasks.
        train_outputs: [n] their outputs.
        states: [m, D] of the unseen instances.
        tasks: [m] their tasks.
        outputs: [m] their outputs.
        k: K, from 1 to n.

    Raises:
        ProblemError: ``input`` if K is not from 1 to n, nothing is unseen, or a state is not
            finite.
    """
    if not 1 <= k <= len(train_states) or not len(states):
        raise problem(
            "input",
            f"{k} nearest neighbours cannot be used.",
            f"There are {len(train_states):,} training instances and {len(states):,} unseen ones.",
            "Give more instances, or a smaller K.",
        )
    refuse_not_finite(train_states)
    refuse_not_finite(states)
    search = NearestNeighbors(n_neighbors=k, algorithm="brute")
    search.fit(np.asarray(train_states, dtype=np.float32))
    nearest = search.kneighbors(np.asarray(states, dtype=np.float32), return_distance=False)
    same = np.asarray(train_tasks)[nearest] == np.asarray(tasks)[:, None]
    named = np.asarray(train_outputs)[nearest]
    # [m, K]: for each neighbour, how many of the K have the same output.
    votes = (named[:, :, None] == named[:, None, :]).sum(axis=2)
    chosen = named[np.arange(len(named)), votes.argmax(axis=1)]
    predicted = chosen == np.asarray(outputs)
    return NeighbourScores(float(same.mean()), float(predicted.mean()), same.sum(axis=1), predicted)


def refuse_not_finite(states: NDArray[Any]) -> None:
    """Raises ProblemError, ``input``, if a state is NaN or infinite."""
    if not np.isfinite(states).all():
        raise problem(
            "input",
            "Some hidden states are not finite numbers.",
            "Half precision may have overflowed, or the weights are damaged.",
            "Choose --dtype float32.",
        )
