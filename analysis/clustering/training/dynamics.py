"""Measures a model at an epoch: clusters, accuracy and nearest neighbours, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from transformers import GPT2LMHeadModel

from analysis.clustering.compute.measures import (
    MOST_FOR_TSNE,
    cluster_scores,
    neighbour_scores,
    plane,
    reduced,
)
from analysis.clustering.training.curves import AccuracyRow, ClusterRow, Curves, NeighbourRow
from analysis.clustering.training.instances import SPLITS, Instance, label_arrays
from analysis.clustering.training.model import Encoded, Read, read


class Dynamics:
    """Measures a model on training instances and on unseen ones."""

    def __init__(
        self,
        instances: Sequence[Instance],
        encoded: Encoded,
        *,
        neighbours: int,
        seed: int,
        tsne: bool = False,
    ) -> None:
        """Prepare the labels of all instances and of the same as ids.

        `neighbours` is K. `tsne` reduces the states by t-SNE before they are clustered, of at most
        `MOST_FOR_TSNE` instances of a split, drawn at random.
        """
        self._encoded, self._k, self._seed, self._tsne = encoded, neighbours, seed, tsne
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
        chosen = np.flatnonzero(self._of(split))
        points = states[chosen]
        if self._tsne:
            if len(chosen) > MOST_FOR_TSNE:
                # A generator of its own: every epoch and layer has the same instances.
                random = np.random.default_rng(self._seed)
                chosen = np.sort(random.choice(chosen, MOST_FOR_TSNE, replace=False))
            points = reduced(states[chosen], seed=self._seed)
        rows = []
        for label, values in self._labels.items():
            found = cluster_scores(points, values[chosen], seed=self._seed)
            scores = (found.f1, found.pair_f1, found.ari, found.ami)
            rows.append(ClusterRow(epoch, split, layer, label, *scores))
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
