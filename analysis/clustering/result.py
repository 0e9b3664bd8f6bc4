"""Results: how a model's hidden states cluster by task, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.clustering.tasks.task_set import ClusterTask

METRICS = ("f1", "pair_f1", "ari", "ami")
"""The scores of clusters against a label (METHODS 5); the first one ranks layers."""

METRIC_NAMES = {"f1": "F1", "pair_f1": "pair F1", "ari": "ARI", "ami": "AMI"}
"""What people read: F1 is of clusters matched with labels, pair F1 that over pairs."""


class TaskClusters(msgspec.Struct, frozen=True, tag="clusters"):
    """How the hidden states of every layer cluster (METHODS 5); layer 0 is the embeddings.

    Labels are those of `task_set.LABELS`, in their order; n is the number of instances.

    Attributes:
        model: The model's name.
        tasks: With the mappings that were used.
        task: int32 [n], index of an instance's task.
        phrasing: int32 [n], index of its phrasing in the task.
        mapping: int32 [n], index of its mapping in the task.
        unseen: bool [n], instances whose nearest neighbours are looked up.
        one_token: bool [n], instances whose output is one token; only these take part in
            `neighbour_accuracy`.
        scores: float64 [L + 1, labels, 4], in the order of `METRICS`; NaN for a label that all
            share.
        clusters: int32 [L + 1, labels, n], the cluster of each instance, with as many K-Means
            clusters as the label has values.
        map: float32 [L + 1, n, 2], the first two principal components of the clustered points.
        neighbours: K; 0 if nothing is unseen.
        neighbour_share: float64 [L + 1], mean share of the K nearest training instances that have
            an unseen instance's task; NaN if nothing is unseen.
        neighbour_accuracy: float64 [L + 1], share of unseen instances whose output the K nearest
            predict, all of one token; NaN where there are none.
        neighbours_of_task: int32 [L + 1, m], how many of the K of each unseen instance have its
            task; m is the number of unseen instances.
        output_predicted: bool [L + 1, m], the K nearest of an unseen instance predict its output;
            False if that is not one token.
        tsne: Whether t-SNE reduced the states before K-Means.
        notes: What the user should know, in words.
        seconds: Computing time, including loading.
        device: The device the model ran on.
        dtype: Precision of its weights.
    """

    model: str
    tasks: tuple[ClusterTask, ...]
    task: NDArray[np.int32]
    phrasing: NDArray[np.int32]
    mapping: NDArray[np.int32]
    unseen: NDArray[np.bool_]
    one_token: NDArray[np.bool_]
    scores: NDArray[np.float64]
    clusters: NDArray[np.int32]
    map: NDArray[np.float32]
    neighbours: int
    neighbour_share: NDArray[np.float64]
    neighbour_accuracy: NDArray[np.float64]
    neighbours_of_task: NDArray[np.int32]
    output_predicted: NDArray[np.bool_]
    tsne: bool
    notes: tuple[str, ...]
    seconds: float
    device: str = ""
    dtype: str = ""


_BY_LAYER = (
    "scores",
    "clusters",
    "map",
    "neighbour_share",
    "neighbour_accuracy",
    "neighbours_of_task",
    "output_predicted",
)


def joined(parts: Sequence[TaskClusters]) -> TaskClusters:
    """All layers of one model, of parts that follow on each other."""
    by_layer = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _BY_LAYER}
    seconds = sum(part.seconds for part in parts)
    return msgspec.structs.replace(parts[0], **by_layer, seconds=seconds)
