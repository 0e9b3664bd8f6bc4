"""Measures a model at an epoch: clusters, accuracy and nearest neighbours, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from transformers import GPT2LMHeadModel

from analysis.clustering.compute.measures import cluster_scores, neighbour_scores, plane
from analysis.clustering.training.curves import AccuracyRow, ClusterRow, Curves, NeighbourRow
from analysis.clustering.training.instances import SPLITS, Instance, label_arrays
from analysis.clustering.training.model import Encoded, Read, read


class Dynamics:
    """Measures a model on training instances and on unseen ones."""

    def __init__(
        self, instances: Sequence[Instance], encoded: Encoded, *, neighbours: int, seed: int
    ) -> None:
        """Prepare the labels of all instances and of the same as ids; `neighbours` is K."""
        self._encoded, self._k, self._seed = encoded, neighbours, seed
        self._labels = label_arrays(instances)
        self._outputs = np.array([each.output for each in instances])
        self._training = np.array([each.split == "training" for each in instances])
        self._evaluated = np.array([each.evaluated for each in instances])

    def measure(self, model: GPT2LMHeadModel, epoch: int) -> tuple[Curves, NDArray[np.float16]]:
        """The rows of an epoch, and a map of every layer.

        Returns:
            One row for each split, layer and label, for each split, and for each layer; and the
            first two principal components, float16 [layers + 1, evaluated instances, 2].
        """
        found = read(model, self._encoded)
        layers = range(len(found.states))
        curves = Curves(
            [
                row
                for split in SPLITS
                for layer in layers
                for row in self._clusters(found.states[layer], epoch, split, layer)
            ],
            [self._accuracy(found, epoch, split) for split in SPLITS],
            [self._neighbours(found.states[layer], epoch, layer) for layer in layers],
        )
        maps = np.stack([plane(states[self._evaluated]) for states in found.states])
        return curves, maps.astype(np.float16)

    def _of(self, split: str) -> NDArray[np.bool_]:
        """bool [n]: the evaluated instances of a split."""
        of_split = self._training if split == "training" else ~self._training
        chosen: NDArray[np.bool_] = self._evaluated & of_split
        return chosen

    def _clusters(
        self, states: NDArray[np.float32], epoch: int, split: str, layer: int
    ) -> list[ClusterRow]:
        chosen = self._of(split)
        rows = []
        for label, values in self._labels.items():
            found = cluster_scores(states[chosen], values[chosen], seed=self._seed)
            rows.append(ClusterRow(epoch, split, layer, label, found.f1, found.ari, found.ami))
        return rows

    def _accuracy(self, found: Read, epoch: int, split: str) -> AccuracyRow:
        chosen = self._of(split)
        correct, losses = found.correct[chosen], found.losses[chosen]
        return AccuracyRow(epoch, split, float(correct.mean()), float(losses.mean()))

    def _neighbours(self, states: NDArray[np.float32], epoch: int, layer: int) -> NeighbourRow:
        tasks = self._labels["task"]
        seen, unseen = self._training, ~self._training
        found = neighbour_scores(
            states[seen],
            tasks[seen],
            self._outputs[seen],
            states[unseen],
            tasks[unseen],
            self._outputs[unseen],
            k=self._k,
        )
        return NeighbourRow(epoch, layer, self._k, found.share, found.accuracy)
