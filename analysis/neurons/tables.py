"""Tables of the units that each category of instructions needs in a pair of models (METHODS 6)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.neurons.pair import THRESHOLD_CELLS
from analysis.neurons.pair import PairSets as PairSets
from analysis.neurons.pair import Thresholds as Thresholds
from analysis.neurons.result import Frequencies
from analysis.neurons.sets import UnitSets, alteration, expert_and_neuron
from analysis.table import Cell, Table

COLUMNS = (
    "model",
    "category",
    "layer",
    "expert",
    "neuron",
    "frequency",
    "general",
    "unique",
    "status",
    *THRESHOLD_CELLS,
)

OVERLAP_COLUMNS = (
    "units",
    "model",
    "category",
    "other_category",
    "size",
    "shared",
    "jaccard",
    "containment",
)
ALTERATION_COLUMNS = ("units", "category", "layer", "kept", "lost", "gained", "jaccard")
SIZE_COLUMNS = ("units", "model", "layer", "category", "size", "unique", "general", "of")

SUMMARY_COLUMNS = tuple(
    dict.fromkeys(("summary", *OVERLAP_COLUMNS, *ALTERATION_COLUMNS, *THRESHOLD_CELLS))
)


def units_table(pair: PairSets) -> Table:
    """Every unit of every category's set, in both models; an expert before neurons.

    Returns:
        `COLUMNS`. An expert's row has no neuron; a dense layer's rows have no expert; a shared
        expert follows the routed ones. ``frequency`` is the mean over the category's instructions
        of the share of tokens at which the neuron is active, or that are routed to the expert.
        ``status`` is kept or lost in the base model, kept or gained in the tuned one; then the
        rule, ε and τ of the sets.
    """
    return Table(COLUMNS, _Rows(pair))


def overlaps_table(pair: PairSets) -> Table:
    """The overlap of every two categories' sets in a model.

    `OVERLAP_COLUMNS`: ``size``, |A|, ``shared``, |A ∩ B|, Jaccard index, containment |A ∩ B| / |A|.
    """
    rows: list[tuple[Cell, ...]] = []
    for units, found, sets in _sides(pair):
        jaccard, containment = sets.jaccard(), sets.containment()
        for a, category in enumerate(sets.categories):
            for b, other in enumerate(sets.categories):
                if a != b:
                    shares = (number(jaccard[a, b]), number(containment[a, b]))
                    sizes = (int(sets.shared[a, a]), int(sets.shared[a, b]))
                    rows.append((units, found[0].model, category, other, *sizes, *shares))
    return Table(OVERLAP_COLUMNS, rows)


def alterations_table(pair: PairSets) -> Table:
    """How tuning changed every category's set.

    Returns:
        `ALTERATION_COLUMNS`: kept, lost and gained from base to tuned, and the Jaccard index of
        the two sets; first a row without a layer for all layers, then one per layer.
    """
    rows: list[tuple[Cell, ...]] = []
    for units, (base, tuned) in _kinds(pair):
        by_layer = alteration(base, tuned)
        layers = [(None, by_layer.over_layers()), *enumerate([by_layer] * len(base.members))]
        for row, category in enumerate(base.categories):
            for layer, found in layers:
                place = (row, layer or 0)
                counts = (int(each[place]) for each in (found.kept, found.lost, found.gained))
                rows.append((units, category, layer, *counts, number(found.jaccard()[place])))
    return Table(ALTERATION_COLUMNS, rows)


def sizes_table(pair: PairSets) -> Table:
    """The number of units of each layer in each category's set.

    Returns:
        `SIZE_COLUMNS`: ``unique`` units are in no other category's set, ``general`` ones in all;
        ``of`` is the number of units in the layer.
    """
    return Table(
        SIZE_COLUMNS,
        [
            (
                *(units, found[0].model, layer, category, int(sets.counts[row, layer])),
                *(int(sets.unique_counts[row, layer]), int(sets.general_counts[layer]), int(of)),
            )
            for units, found, sets in _sides(pair)
            for layer, of in enumerate(sets.units)
            for row, category in enumerate(sets.categories)
        ],
    )


def summary_table(pair: PairSets) -> Table:
    """Overlaps, then alterations; ``summary`` in `SUMMARY_COLUMNS` says which one a row is from."""
    rows: list[tuple[Cell, ...]] = []
    for name, table in (
        ("overlap", overlaps_table(pair)),
        ("alteration", alterations_table(pair)),
    ):
        for row in table:
            cells = {"summary": name, **dict(zip(table.columns, row, strict=True))}
            given = pair.thresholds.cells(str(cells["units"]))
            cells.update(zip(THRESHOLD_CELLS, given, strict=True))
            rows.append(tuple(cells.get(column) for column in SUMMARY_COLUMNS))
    return Table(SUMMARY_COLUMNS, rows)


def number(value: float) -> float | None:
    """A table cell for a value that may be undefined."""
    return None if math.isnan(value) else float(value)


def _kinds(pair: PairSets) -> list[tuple[str, tuple[UnitSets, UnitSets]]]:
    experts = [("experts", pair.experts)] if pair.mixture else []
    return [("neurons", pair.neurons), *experts]


def _sides(pair: PairSets) -> Iterator[tuple[str, tuple[Frequencies, ...], UnitSets]]:
    for units, sides in _kinds(pair):
        for found, sets in zip((pair.base, pair.tuned), sides, strict=True):
            yield units, found, sets


@dataclass(frozen=True)
class _Rows:
    """The rows, recomputed on every iteration: there may be millions."""

    pair: PairSets

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        """Rows by model, category and layer."""
        pair = self.pair
        for side, found in enumerate((pair.base, pair.tuned)):
            for row, each in enumerate(found):
                for layer in range(len(each.layers)):
                    yield from self._units(side, each, row, layer)

    def _units(
        self, side: int, found: Frequencies, row: int, layer: int
    ) -> Iterator[tuple[Cell, ...]]:
        here = found.layers[layer]
        gone = ("lost", "gained")[side]
        for sides, mean in ((self.pair.experts, here.expert_mean), (self.pair.neurons, here.mean)):
            given = self.pair.thresholds.cells(
                "neurons" if sides is self.pair.neurons else "experts"
            )
            own, other = sides[side], sides[1 - side].members[layer][row]
            unique: NDArray[np.bool_] = own.unique[layer][row]
            for place in np.flatnonzero(own.members[layer][row]).tolist():
                expert: int | None
                neuron: int | None
                expert, neuron = place, None
                if sides is self.pair.neurons:
                    expert, neuron = expert_and_neuron(here.starts, place)
                    if not len(here.expert_mean):
                        expert = None
                yield (
                    *(found.model, found.category, layer, expert, neuron, float(mean[place])),
                    *(bool(own.general[layer][place]), bool(unique[place])),
                    "kept" if other[place] else gone,
                    *given,
                )
