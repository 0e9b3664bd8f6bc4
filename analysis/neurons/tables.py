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
    "sets",
    "other_frequency",
    "other_sets",
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
    dict.fromkeys(
        (
            *("summary", *OVERLAP_COLUMNS, *ALTERATION_COLUMNS, *THRESHOLD_CELLS),
            *("unique", "general", "of", "instructions"),
        )
    )
)

FREQUENCY_COLUMNS = (
    "layer",
    "expert",
    "neuron",
    "category",
    "frequency_base",
    "frequency_tuned",
    "in_base",
    "in_tuned",
)


def units_table(pair: PairSets) -> Table:
    """Every unit of every category's set, in both models; an expert before neurons.

    Returns:
        `COLUMNS`. An expert's row has no neuron; a dense layer's rows have no expert; a shared
        expert follows the routed ones. ``frequency`` is the mean over the category's instructions
        of the share of tokens at which the neuron is active, or that are routed to the expert.
        ``status`` is kept or lost in the base model, kept or gained in the tuned one; then the
        rule, ε and τ of the sets, the number of categories in whose sets the unit is, and its
        frequency and number of sets in the other model.
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
            _size(units, found[0].model, sets, layer, row)
            for units, found, sets in _sides(pair)
            for layer in range(len(sets.units))
            for row in range(len(sets.categories))
        ],
    )


def _size(units: str, model: str, sets: UnitSets, layer: int | None, row: int) -> tuple[Cell, ...]:
    """A row of `SIZE_COLUMNS`; layer None is all of them."""
    layers = slice(None) if layer is None else slice(layer, layer + 1)
    size, unique = (int(each[row, layers].sum()) for each in (sets.counts, sets.unique_counts))
    general, of = (int(each[layers].sum()) for each in (sets.general_counts, sets.units))
    return units, model, layer, sets.categories[row], size, unique, general, of


def summary_table(pair: PairSets) -> Table:
    """Overlaps, alterations, sizes; ``summary`` in `SUMMARY_COLUMNS` says which a row is from.

    Sizes are those of `sizes_table`, after a row without a layer for all layers, which says how
    many of the category's instructions they rest on.
    """
    rows: list[tuple[Cell, ...]] = []
    instructions: dict[Cell, int] = {each.category: each.instructions for each in pair.base}
    whole = [
        _size(units, found[0].model, sets, None, row)
        for units, found, sets in _sides(pair)
        for row in range(len(sets.categories))
    ]
    for name, table in (
        ("overlap", overlaps_table(pair)),
        ("alteration", alterations_table(pair)),
        ("size", Table(SIZE_COLUMNS, [*whole, *sizes_table(pair)])),
    ):
        for row in table:
            cells = {"summary": name, **dict(zip(table.columns, row, strict=True))}
            if name == "size" and cells["layer"] is None:
                cells["instructions"] = instructions[cells["category"]]
            given = pair.thresholds.cells(str(cells["units"]))
            cells.update(zip(THRESHOLD_CELLS, given, strict=True))
            rows.append(tuple(cells.get(column) for column in SUMMARY_COLUMNS))
    return Table(SUMMARY_COLUMNS, rows)


def frequencies_table(pair: PairSets, layer: int, expert: int, place: int, unit: str) -> Table:
    """A unit's mean frequency in every category and both models, and whether it is in the set.

    Args:
        pair: Both models' sets.
        layer: From 0.
        expert: As it is listed: -1 in a dense layer.
        place: The unit's index in the layer's arrays.
        unit: ``neurons`` or ``experts``.

    Returns:
        `FREQUENCY_COLUMNS`; an expert has no neuron.
    """
    experts = unit == "experts"
    sides = pair.experts if experts else pair.neurons
    start = 0 if experts or expert < 0 else int(pair.base[0].layers[layer].starts[expert])
    where = (layer, None if expert < 0 else expert, None if experts else place - start)
    rows: list[tuple[Cell, ...]] = []
    for row, both in enumerate(zip(pair.base, pair.tuned, strict=True)):
        found = [each.layers[layer] for each in both]
        means = (float((each.expert_mean if experts else each.mean)[place]) for each in found)
        inside = (bool(each.members[layer][row, place]) for each in sides)
        rows.append((*where, both[0].category, *means, *inside))
    return Table(FREQUENCY_COLUMNS, rows)


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
        there = (self.pair.tuned, self.pair.base)[side][row].layers[layer]
        gone = ("lost", "gained")[side]
        for sides, mean, beside in (
            (self.pair.experts, here.expert_mean, there.expert_mean),
            (self.pair.neurons, here.mean, there.mean),
        ):
            given = self.pair.thresholds.cells(
                "neurons" if sides is self.pair.neurons else "experts"
            )
            own, other = sides[side], sides[1 - side].members[layer][row]
            unique: NDArray[np.bool_] = own.unique[layer][row]
            sets, other_sets = (each.members[layer].sum(axis=0) for each in (own, sides[1 - side]))
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
                    *(int(sets[place]), float(beside[place]), int(other_sets[place])),
                )
