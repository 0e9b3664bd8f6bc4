"""The data behind the tables of the study of clusters, for recomputing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.clustering.result import TaskClusters
from analysis.clustering.tasks.task_set import LABELS
from analysis.studies.findings import NamedTable
from analysis.table import Cell, Table

INSTANCE_COLUMNS = (
    "model",
    "instance",
    "category",
    "task",
    "instruction",
    "input",
    "output",
    "unseen",
    "one_token",
)
CLUSTER_COLUMNS = ("model", "layer", "instance", *(label.replace("-", "_") for label in LABELS))
NEIGHBOUR_COLUMNS = ("model", "layer", "instance", "share", "predicted")


def cluster_data(found: Sequence[TaskClusters]) -> tuple[NamedTable, ...]:
    """Every instance of the models, its cluster in every layer, and its neighbours' predictions."""
    return (
        NamedTable(
            "instances",
            "Every instance",
            Table(INSTANCE_COLUMNS, list(_instance_rows(found))),
            note="What makes the labels: tasks of one category share the label task, a "
            "distribution is a task's name.",
        ),
        NamedTable(
            "clusters",
            "The cluster of every instance in every layer",
            Table(CLUSTER_COLUMNS, _ClusterRows(tuple(found))),
            note="One column a label; K-Means looks for as many clusters as the label has values.",
        ),
        NamedTable(
            "unseen-neighbours",
            "What the nearest training instances say of every unseen instance in every layer",
            Table(NEIGHBOUR_COLUMNS, _NeighbourRows(tuple(found))),
            note="The share of them that have its task, and whether the nearest ones with outputs "
            "of one token predict its output; empty if that has several.",
        ),
    )


def _instance_rows(found: Sequence[TaskClusters]) -> Iterator[tuple[Cell, ...]]:
    for each in found:
        places = zip(each.task.tolist(), each.phrasing.tolist(), each.mapping.tolist(), strict=True)
        for number, (task, phrasing, mapping) in enumerate(places):
            named = each.tasks[task]
            yield (
                *(each.model, number, named.category, named.name, named.phrasings[phrasing]),
                *named.mappings[mapping],
                bool(each.unseen[number]),
                bool(each.one_token[number]),
            )


@dataclass(frozen=True)
class _ClusterRows:
    """Rows generated on demand: two models have about a million over all layers."""

    found: tuple[TaskClusters, ...]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        for each in self.found:
            for layer, by_label in enumerate(each.clusters):
                for number, clusters in enumerate(by_label.T.tolist()):
                    yield (each.model, layer, number, *clusters)


@dataclass(frozen=True)
class _NeighbourRows:
    """Rows generated on demand; none if nothing is unseen."""

    found: tuple[TaskClusters, ...]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        for each in self.found:
            if not each.neighbours:
                continue
            unseen = np.flatnonzero(each.unseen).tolist()
            by_layer = zip(each.neighbours_of_task, each.output_predicted, strict=True)
            told = each.one_token & ~np.isnan(each.neighbour_accuracy).all()
            for layer, (of_task, predicted) in enumerate(by_layer):
                for number, count, hit in zip(
                    unseen, of_task.tolist(), predicted.tolist(), strict=True
                ):
                    share = count / each.neighbours
                    yield each.model, layer, number, share, hit if told[number] else None
