"""The plots of the Concepts view, and their tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from analysis.concepts.result import LayerConcepts
from analysis.concepts.tables import (
    LEVELS,
    VARIANCE_COLUMNS,
    Descriptions,
    layer_words_table,
    levels_table,
    rotation_table,
    variance_table,
)
from analysis.table import Cell, Table
from app.widgets.line_drawing import PlotData, Series

PlotKind = Literal["variance", "cumulative", "rotation", "words", "levels_base", "levels_tuned"]


def plot_kinds(*, described: bool) -> tuple[PlotKind, ...]:
    """The plots in the order of the key that cycles through them."""
    always: tuple[PlotKind, ...] = ("variance", "cumulative", "rotation", "words")
    return (*always, "levels_base", "levels_tuned") if described else always


def plot_and_table(
    kind: PlotKind,
    layer: LayerConcepts | None,
    layers: Sequence[LayerConcepts],
    names: tuple[str, str],
    descriptions: Descriptions,
) -> tuple[PlotData, Table]:
    """The plot and its numbers; the arguments are those of `ConceptPlotPage.show`."""
    match kind:
        case "variance":
            return _of_layer("explained variance in % by component", layer, names, 1)
        case "cumulative":
            return _of_layer("variance of the first components together in %", layer, names, 3)
        case "rotation":
            angles = ("components, mean", "subspaces, mean", "subspaces, largest")
            return _by_layer("angle in degrees", rotation_table(layers), angles)
        case "words":
            words = ("kept", "gained", "lost")
            return _by_layer("words of all components", layer_words_table(layers), words)
        case "levels_base":
            return _levels(layers, 0, names, descriptions)
        case "levels_tuned":
            return _levels(layers, 1, names, descriptions)


def _of_layer(
    title: str, layer: LayerConcepts | None, names: tuple[str, str], column: int
) -> tuple[PlotData, Table]:
    """Both models' numbers from two neighbouring columns of the table of variances."""
    if layer is None:
        return PlotData(title, ()), Table(VARIANCE_COLUMNS, ())
    table = variance_table(layer)
    rows = list(table)
    series = tuple(
        Series(name, *_points(rows, column + side, scale=100)) for side, name in enumerate(names)
    )
    return PlotData(f"{title}, layer {layer.layer}", series), table


def _by_layer(title: str, table: Table, names: Sequence[str]) -> tuple[PlotData, Table]:
    """A series per column of a table whose first column is the layer."""
    rows = list(table)
    series = tuple(Series(name, *_points(rows, place)) for place, name in enumerate(names, 1))
    return PlotData(f"{title} by layer", series), table


def _levels(
    layers: Sequence[LayerConcepts], side: int, names: tuple[str, str], descriptions: Descriptions
) -> tuple[PlotData, Table]:
    table = levels_table(layers, descriptions)
    models = {(each.base, each.tuned)[side].model for each in layers}
    series = []
    for level in LEVELS:
        rows = [(row[1], row[3]) for row in table if row[0] in models and row[2] == level]
        series.append(Series(level, *_points(rows, 1)))
    return PlotData(f"levels in % by layer, {names[side]}", tuple(series)), table


def _points(
    rows: Sequence[tuple[Cell, ...]], column: int, *, scale: float = 1.0
) -> tuple[list[float], list[float]]:
    """The first column and another one; NaN for empty cells."""
    x = [float(row[0]) if isinstance(row[0], int | float) else np.nan for row in rows]
    values = [row[column] for row in rows]
    y = [scale * each if isinstance(each, int | float) else np.nan for each in values]
    return x, y
