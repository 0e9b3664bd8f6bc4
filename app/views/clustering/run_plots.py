"""The curves of a training run, and their tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from analysis.clustering.result import METRICS
from analysis.clustering.runs import TrainingRun
from analysis.clustering.training.curves import AccuracyRow, ClusterRow, NeighbourRow
from analysis.clustering.training.instances import LABELS
from analysis.table import Cell, Table
from app.widgets.line_drawing import PlotData, Series

Measure = Literal["f1", "pair_f1", "ari", "ami", "share", "neighbours", "accuracy"]

MEASURES: tuple[Measure, ...] = (
    "f1",
    "pair_f1",
    "ari",
    "ami",
    "share",
    "neighbours",
    "accuracy",
)

_TITLES: dict[Measure, str] = {
    "f1": "F1 of clusters",
    "pair_f1": "pair F1 of clusters",
    "ari": "adjusted Rand index of clusters",
    "ami": "adjusted mutual information of clusters",
    "share": "nearest neighbours of the same task",
    "neighbours": "accuracy by nearest neighbours",
    "accuracy": "outputs right",
}
_SPLITS = {"training": "training subset", "validation": "unseen instructions"}
_MOST_SERIES = 4


def is_of_clusters(measure: Measure) -> bool:
    """Whether a measure exists per label and split."""
    return measure in METRICS


def measures_of(run: TrainingRun) -> tuple[Measure, ...]:
    """What can be plotted: runs from before clusters were matched with labels have no F1."""
    return MEASURES if run.curves.matched else MEASURES[1:]


def title_of(run: TrainingRun, measure: Measure, label: str, split: str) -> str:
    """The plotted quantity in words."""
    if is_of_clusters(measure):
        tsne = " after t-SNE" if run.settings.training.tsne else ""
        return f"{_TITLES[measure]} by {label}{tsne}, {_SPLITS[split]}"
    return _TITLES[measure]


def curves(run: TrainingRun, measure: Measure, label: str, split: str) -> PlotData:
    """A measure over the epochs: the lowest layer, the highest and two in between.

    The model's own accuracy has a line per split instead. The best epoch is marked.
    """
    title = f"{title_of(run, measure, label, split)}, by epoch"
    if measure == "accuracy":
        series = [
            Series(
                words,
                [row.epoch for row in run.curves.accuracies if row.split == name],
                [row.accuracy for row in run.curves.accuracies if row.split == name],
            )
            for name, words in _SPLITS.items()
        ]
        return PlotData(title, tuple(series), mark=run.best_epoch)
    values = _by_layer(run, measure, label, split)
    return PlotData(
        title,
        tuple(
            Series(f"layer {layer}", run.epochs, [values[epoch, layer] for epoch in run.epochs])
            for layer in _spread(run.layers)
        ),
        mark=run.best_epoch,
    )


def table_at(run: TrainingRun, epoch: int, split: str) -> Table:
    """All layers after an epoch: a column per label, and the neighbours."""
    matched = run.curves.matched
    f1 = {
        (row.layer, row.label): row.f1 if matched else row.pair_f1
        for row in run.curves.clusters
        if (row.epoch, row.split) == (epoch, split)
    }
    neighbours = {row.layer: row for row in run.curves.neighbours if row.epoch == epoch}
    name = "F1" if matched else "pair F1"
    columns = ("layer", *(f"{name} {label}" for label in LABELS), "share", "neighbours")
    rows: list[tuple[Cell, ...]] = [
        (
            layer,
            *(f1[layer, label] for label in LABELS),
            neighbours[layer].share,
            neighbours[layer].accuracy,
        )
        for layer in run.layers
    ]
    return Table(columns, rows)


def curves_table(run: TrainingRun, measure: Measure) -> tuple[Table, str]:
    """All epochs of a measure and those measured with it, and the table's name.

    The last columns say which epoch is the best by validation, and of clusters, whether t-SNE
    reduced the states first.
    """
    found, best = run.curves, run.best_epoch
    if is_of_clusters(measure):
        tsne = run.settings.training.tsne
        scores: list[tuple[Cell, ...]] = [
            (*row[:4], _cell(row.f1), *row[5:], row.epoch == best, tsne) for row in found.clusters
        ]
        return Table((*ClusterRow._fields, "best_epoch", "tsne"), scores), "clusters"
    if measure == "accuracy":
        right = [(*row, row.epoch == best) for row in found.accuracies]
        return Table((*AccuracyRow._fields, "best_epoch"), right), "accuracy"
    near = [(*row, row.epoch == best) for row in found.neighbours]
    return Table((*NeighbourRow._fields, "best_epoch"), near), "neighbours"


def _cell(value: float) -> Cell:
    return None if math.isnan(value) else value


def _by_layer(
    run: TrainingRun, measure: Measure, label: str, split: str
) -> dict[tuple[int, int], float]:
    """Values by epoch and layer."""
    if is_of_clusters(measure):
        return {
            (row.epoch, row.layer): getattr(row, measure)
            for row in run.curves.clusters
            if (row.label, row.split) == (label, split)
        }
    return {
        (row.epoch, row.layer): row.share if measure == "share" else row.accuracy
        for row in run.curves.neighbours
    }


def _spread(layers: Sequence[int]) -> list[int]:
    """The first layer, the last and evenly spaced others, as many as there are lines."""
    count = min(_MOST_SERIES, len(layers))
    step = (len(layers) - 1) / max(1, count - 1)
    return [layers[round(place * step)] for place in range(count)]
