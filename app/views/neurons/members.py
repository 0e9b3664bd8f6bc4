"""The neurons or experts in a cell of a map: in the sets of one category, or of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.neurons.gather import Place
from app.views.neurons.atlas import Unit, UnitAtlas

Kind = Literal["all", "kept", "lost", "gained", "general", "unique"]
KINDS: tuple[Kind, ...] = ("all", "kept", "lost", "gained", "general", "unique")


class Cell(NamedTuple):
    """The contents of a list: the units in the sets of all these categories, given by index.

    `layer` None stands for all of them; `expert` limits the list to its neurons.
    """

    unit: Unit
    categories: tuple[int, ...]
    layer: int | None = None
    expert: int | None = None


class Member(NamedTuple):
    """A neuron or an expert in the sets of a cell; layers, experts and neurons count from 0.

    `expert` is -1 in a dense layer, `neuron` (in its expert or layer) -1 for an expert; `place` is
    the index in the layer's arrays. `in_base` and `in_tuned` concern the cell, `sets` counts the
    categories' sets it is in, (base, tuned). `frequencies`: float32 [2, C], mean share of tokens.
    """

    layer: int
    expert: int
    neuron: int
    place: int
    in_base: bool
    in_tuned: bool
    frequencies: NDArray[np.float32]
    sets: tuple[int, int]

    @property
    def status(self) -> Literal["kept", "lost", "gained"]:
        """How tuning changed its membership of the cell."""
        return "kept" if self.in_base and self.in_tuned else "lost" if self.in_base else "gained"


class CellMembers:
    """A cell's units, first those whose frequency in its first category changed most.

    They are built on access.
    """

    def __init__(self, atlas: UnitAtlas, cell: Cell, kind: Kind) -> None:
        self._atlas, self.cell = atlas, cell
        self._both = atlas.sets(cell.unit)
        layers, places, scores = [], [], []
        chosen = range(atlas.layers) if cell.layer is None else [cell.layer]
        for layer in chosen:
            inside = [_in_cell(each.members[layer], cell.categories) for each in self._both]
            wanted = self._of_kind(kind, layer, *inside)
            if cell.expert is not None:
                starts = atlas.frequencies(0)[0].layers[layer].starts
                within = np.zeros_like(wanted)
                within[starts[cell.expert] : starts[cell.expert + 1]] = True
                wanted &= within
            found = np.flatnonzero(wanted)
            means = [self._means(side, layer)[cell.categories[0]][found] for side in (0, 1)]
            layers.append(np.full(len(found), layer))
            places.append(found)
            scores.append(np.abs(np.subtract(*means)))
        joined = [np.concatenate(each) for each in (layers, places, scores)]
        order = np.argsort(-joined[2], kind="stable")
        self._layers, self._places = joined[0][order], joined[1][order]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Member:
        layer, place = int(self._layers[index]), int(self._places[index])
        base, tuned = self._both
        inside = [
            bool(each.members[layer][list(self.cell.categories), place].all())
            for each in self._both
        ]
        expert, neuron = self._numbers(layer, place)
        return Member(
            layer=layer,
            expert=expert,
            neuron=neuron,
            place=place,
            in_base=inside[0],
            in_tuned=inside[1],
            frequencies=np.array(
                [[each[place] for each in self._means(side, layer)] for side in (0, 1)]
            ),
            sets=(
                int(base.members[layer][:, place].sum()),
                int(tuned.members[layer][:, place].sum()),
            ),
        )

    def place(self, index: int) -> Place:
        """Layer, expert and neuron of a unit; -1 if not applicable."""
        layer, place = int(self._layers[index]), int(self._places[index])
        return layer, *self._numbers(layer, place)

    def places(self) -> Iterator[Place]:
        return map(self.place, range(len(self)))

    def column(self, name: str) -> NDArray[Any]:
        """A column of the list for all units, by its name; NaN where a unit has no such number."""
        category = self.cell.categories[0]
        match name:
            case "layer":
                return self._layers
            case "expert":
                return self._gathered(lambda layer, at: self._numbers_of(layer, at)[0])
            case "neuron":
                return self._gathered(lambda layer, at: self._numbers_of(layer, at)[1])
            case "change":
                base, tuned = (self._gathered(partial(self._inside, side)) for side in (0, 1))
                return np.where(base & tuned, "kept", np.where(base, "lost", "gained"))
            case _:
                side = int(name.startswith("tuned"))
                if name.endswith("p"):
                    return self._gathered(lambda layer, at: self._means(side, layer)[category][at])
                sets = self._both[side]
                return self._gathered(lambda layer, at: sets.members[layer][:, at].sum(axis=0))

    def _gathered(self, of: Callable[[int, NDArray[np.intp]], NDArray[Any]]) -> NDArray[Any]:
        """What a function finds of the units of each layer, in the order of the list."""
        parts = [
            (at, of(int(layer), self._places[at]))
            for layer in np.unique(self._layers)
            for at in [np.flatnonzero(self._layers == layer)]
        ]
        found = np.zeros(len(self), dtype=parts[0][1].dtype if parts else np.float64)
        for at, values in parts:
            found[at] = values
        return found

    def _inside(self, side: int, layer: int, at: NDArray[np.intp]) -> NDArray[np.bool_]:
        return _in_cell(self._both[side].members[layer], self.cell.categories)[at]

    def _numbers_of(self, layer: int, at: NDArray[np.intp]) -> NDArray[Any]:
        """Experts and neurons, NaN if not applicable."""
        both = np.array([self._numbers(layer, int(place)) for place in at], dtype=np.float64)
        both[both < 0] = np.nan
        return both.T

    def _numbers(self, layer: int, place: int) -> tuple[int, int]:
        """Expert and neuron; -1 if not applicable."""
        if self.cell.unit == "experts":
            return place, -1
        return self._atlas.expert_and_neuron(layer, place)

    def _means(self, side: int, layer: int) -> list[NDArray[np.float32]]:
        """Mean shares of tokens, float32 [U], by category."""
        found = [each.layers[layer] for each in self._atlas.frequencies(side)]
        experts = self.cell.unit == "experts"
        return [each.expert_mean if experts else each.mean for each in found]

    def _of_kind(
        self, kind: Kind, layer: int, base: NDArray[np.bool_], tuned: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        match kind:
            case "all":
                return base | tuned
            case "kept":
                return base & tuned
            case "lost":
                return base & ~tuned
            case "gained":
                return tuned & ~base
        sets = [each.members[layer] for each in self._both]
        wanted = len(self._atlas.counted) if kind == "general" else 1
        counts = [each.sum(axis=0) == wanted for each in sets]
        return np.asarray(base & counts[0] | tuned & counts[1])


def _in_cell(members: NDArray[np.bool_], categories: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.asarray(members[list(categories)].all(axis=0))
