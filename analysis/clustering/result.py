"""Results: how a model's hidden states cluster by task, layer by layer."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.clustering.tasks.task_set import ClusterTask


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
        scores: float64 [L + 1, labels, 3], F1, ARI and AMI; NaN for a label that all share.
        clusters: int32 [L + 1, labels, n], the cluster of each instance, with as many K-Means
            clusters as the label has values.
        map: float32 [L + 1, n, 2], the first two principal components of the clustered points.
        neighbours: K; 0 if nothing is unseen.
        neighbour_share: float64 [L + 1], mean share of the K nearest training instances that have
            an unseen instance's task; NaN if nothing is unseen.
        neighbour_accuracy: float64 [L + 1], share of unseen instances whose output the K predict.
        neighbours_of_task: int32 [L + 1, m], how many of the K of each unseen instance have its
            task; m is the number of unseen instances.
        output_predicted: bool [L + 1, m], the K of an unseen instance predict its output.
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
