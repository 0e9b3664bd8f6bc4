"""Tables of task clusters: scores by layer, the layer with the best task F1, the instances."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.clustering.result import METRICS, TaskClusters
from analysis.clustering.tasks.task_set import LABELS
from analysis.table import Cell, Table

SCORES = ("model", "layer", "label", *METRICS)
BEST = ("model", "layer", *(f"{label.replace('-', '_')}_{m}" for label in LABELS for m in METRICS))
NEIGHBOURS = ("model", "layer", "k", "share", "accuracy")
INSTANCES = (
    "model",
    "layer",
    "category",
    "task",
    "instruction",
    "input",
    "output",
    "unseen",
    "one_token",
    *(f"{label.replace('-', '_')}_cluster" for label in LABELS),
    "x",
    "y",
    *(
        f"{label.replace('-', '_')}_cluster_{what}"
        for label in LABELS
        for what in ("size", "share")
    ),
)


def best_layer(found: TaskClusters, first: int = 0) -> int:
    """The layer with the best F1 by task, or by another label, the lowest if several are equal.

    If all instances share one, the best by the next label that they do not all share.

    Args:
        found: A model's clusters.
        first: The label, as an index.
    """
    for label in (*range(first, len(LABELS)), *range(first)):
        f1 = found.scores[:, label, 0]
        if not np.isnan(f1).all():
            return int(np.nanargmax(f1))
    return 0


def scores_table(models: Sequence[TaskClusters]) -> Table:
    """All scores of every label in every layer; empty for a label that all share."""
    rows: list[tuple[Cell, ...]] = []
    for found in models:
        for layer, by_label in enumerate(found.scores):
            for label, values in zip(LABELS, by_label, strict=True):
                rows.append((found.model, layer, label, *map(_cell, values)))
    return Table(SCORES, rows)


def best_layers_table(models: Sequence[TaskClusters]) -> Table:
    """One row per model: the layer with the best task F1 and its scores (Table 1 of the paper)."""
    rows: list[tuple[Cell, ...]] = []
    for found in models:
        layer = best_layer(found)
        rows.append((found.model, layer, *map(_cell, found.scores[layer].ravel())))
    return Table(BEST, rows)


def neighbours_table(models: Sequence[TaskClusters]) -> Table:
    """K nearest training instances of unseen ones, by layer: share of their task, accuracy."""
    rows: list[tuple[Cell, ...]] = []
    for found in models:
        for layer, (share, accuracy) in enumerate(
            zip(found.neighbour_share, found.neighbour_accuracy, strict=True)
        ):
            rows.append((found.model, layer, found.neighbours, _cell(share), _cell(accuracy)))
    return Table(NEIGHBOURS, rows)


def instances_table(models: Sequence[TaskClusters], layers: Sequence[int] | None = None) -> Table:
    """Every instance with its cluster and map position; by default in each model's best layer.

    Returns:
        `INSTANCES`: finally for each label how many instances are in the cluster, and which share
        of them has the cluster's most frequent kind.
    """
    return Table(INSTANCES, _InstanceRows(tuple(models), layers))


def kinds_of(found: TaskClusters, label: int) -> NDArray[np.int64]:
    """The kind of every instance by a label, int64 [n]; kinds count from 0, in the tasks' order."""
    if LABELS[label] == "task":
        identities = [task.identity for task in found.tasks]
        order = list(dict.fromkeys(identities))
        return np.array([order.index(each) for each in identities], dtype=np.int64)[found.task]
    if LABELS[label] == "distribution":
        return found.task.astype(np.int64)
    before = np.cumsum([0, *(len(task.mappings) for task in found.tasks)], dtype=np.int64)
    return before[found.task] + found.mapping


def _clusters(found: TaskClusters, layer: int) -> list[list[Cell]]:
    """For each label, the size of every instance's cluster, and the share of its commonest kind."""
    columns: list[list[Cell]] = []
    for label, clusters in enumerate(found.clusters[layer]):
        kinds = kinds_of(found, label)
        counts = np.zeros((clusters.max() + 1, kinds.max() + 1), dtype=np.int64)
        np.add.at(counts, (clusters, kinds), 1)
        sizes, most = counts.sum(axis=1), counts.max(axis=1)
        columns += [sizes[clusters].tolist(), (most[clusters] / sizes[clusters]).tolist()]
    return columns


@dataclass(frozen=True)
class _InstanceRows:
    """The rows, created on demand: all layers of two models make a million."""

    models: tuple[TaskClusters, ...]
    layers: Sequence[int] | None

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        for found in self.models:
            for layer in [best_layer(found)] if self.layers is None else self.layers:
                about = _clusters(found, layer)
                for index in range(len(found.task)):
                    yield (*_instance(found, layer, index), *(cells[index] for cells in about))


def _instance(found: TaskClusters, layer: int, index: int) -> tuple[Cell, ...]:
    task = found.tasks[found.task[index]]
    given, output = task.mappings[found.mapping[index]]
    x, y = map(float, found.map[layer, index])
    return (
        found.model,
        layer,
        task.category,
        task.name,
        task.phrasings[found.phrasing[index]],
        given,
        output,
        bool(found.unseen[index]),
        bool(found.one_token[index]),
        *(int(each) for each in found.clusters[layer, :, index]),
        x,
        y,
    )


def notes_of(models: Sequence[TaskClusters]) -> tuple[str, ...]:
    """The notes of all models, without repetition."""
    return tuple(dict.fromkeys(note for found in models for note in found.notes))


def _cell(value: float) -> Cell:
    return None if math.isnan(value) else float(value)
