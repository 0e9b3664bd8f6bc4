"""Both models' sets at an ε and a τ, derived from frequencies without new requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import msgspec
import numpy as np

from analysis.neurons.pair import PairSets, Thresholds
from analysis.neurons.result import Frequencies
from analysis.neurons.sets import (
    EXPERT_EPSILONS,
    Alteration,
    UnitSets,
    alteration,
    epsilons_of,
    expert_and_neuron,
    is_mixture,
)

Unit = Literal["neurons", "experts"]

TAUS = tuple(step / 20 for step in range(21))
"""The steps of τ; it may be any share, and with 0 any instruction is enough."""

_FITS_A_BYTE = 255


class UnitAtlas:
    """Both models' frequencies in every category, and the sets derived from them; no widgets.

    `unit` is what the maps show; `thresholds` are ε, ε_e and τ (METHODS 6).
    """

    def __init__(self, categories: Sequence[str], thresholds: Thresholds | None = None) -> None:
        self.categories = tuple(categories)
        self.unit: Unit = "neurons"
        self.thresholds = thresholds or Thresholds()
        self._found: dict[str, tuple[Frequencies, Frequencies]] = {}
        self._pair: PairSets | None = None

    def add(self, base: Frequencies, tuned: Frequencies) -> None:
        """Add a category; the maps show experts first if there are any."""
        if not self._found and is_mixture([base]):
            self.unit = "experts"
        self._found[base.category] = _compact(base), _compact(tuned)
        self._pair = None

    @property
    def counted(self) -> tuple[str, ...]:
        """The categories counted so far, in the order of `categories`."""
        return tuple(each for each in self.categories if each in self._found)

    @property
    def mixture(self) -> bool:
        """Whether any layer has experts."""
        return any(is_mixture([base]) for base, _ in self._found.values())

    @property
    def layers(self) -> int:
        """Number of layers; 0 before the first category."""
        return next((len(base.layers) for base, _ in self._found.values()), 0)

    @property
    def instructions(self) -> int:
        return sum(base.instructions for base, _ in self._found.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes on all categories, without duplicates."""
        both = [each for pair in self._found.values() for each in pair]
        return tuple(dict.fromkeys(note for each in both for note in each.notes))

    def threshold(self, unit: Unit) -> float:
        """ε of neurons or of experts."""
        given = self.thresholds
        return given.epsilon if unit == "neurons" else given.expert_epsilon

    def move_threshold(self, unit: Unit, by: int) -> None:
        """Move ε of neurons or of experts by this many steps of its grid."""
        neurons = unit == "neurons"
        grid = epsilons_of(self.thresholds.rule) if neurons else EXPERT_EPSILONS
        moved = _moved(grid, self.threshold(unit), by)
        self.thresholds = (
            replace(self.thresholds, epsilon=moved)
            if neurons
            else replace(self.thresholds, expert_epsilon=moved)
        )

    def move_tau(self, by: int) -> None:
        self.thresholds = replace(self.thresholds, tau=_moved(TAUS, self.thresholds.tau, by))

    @property
    def pair(self) -> PairSets:
        """Both models' sets at the current thresholds."""
        if self._pair is None or self._pair.thresholds != self.thresholds:
            base, tuned = (tuple(self.frequencies(side)) for side in (0, 1))
            self._pair = PairSets(base, tuned, self.thresholds)
        return self._pair

    def sets(self, unit: Unit | None = None) -> tuple[UnitSets, UnitSets]:
        """Base and tuned model's sets over the categories so far, by default of the maps' unit."""
        return self.pair.neurons if (unit or self.unit) == "neurons" else self.pair.experts

    def frequencies(self, side: int) -> list[Frequencies]:
        """The base (0) or tuned (1) model's frequencies of the categories so far."""
        return [self._found[each][side] for each in self.counted]

    def expert_and_neuron(self, layer: int, place: int) -> tuple[int, int]:
        """The expert (-1: dense layer) and number of the neuron at an index of a layer's arrays."""
        found = self.frequencies(0)[0].layers[layer]
        return expert_and_neuron(found.starts, place) if len(found.expert_mean) else (-1, place)

    def alteration(self) -> Alteration:
        """How tuning altered the sets, by category and layer."""
        return alteration(*self.sets())


def _moved(grid: Sequence[float], value: float, by: int) -> float:
    nearest = min(range(len(grid)), key=lambda each: abs(grid[each] - value))
    return grid[max(0, min(nearest + by, len(grid) - 1))]


def _compact(found: Frequencies) -> Frequencies:
    """The same counts in half the memory, if there are few enough instructions."""
    if found.instructions > _FITS_A_BYTE:
        return found
    sizes = [each.reached.size + each.expert_reached.size for each in found.layers]
    # One block: hundreds of arrays of some 200 KB would leave as much memory unused between them.
    kept, place = np.empty(sum(sizes), dtype=np.uint8), 0
    layers = []
    for each in found.layers:
        both = []
        for counts in (each.reached, each.expert_reached):
            here = kept[place : place + counts.size].reshape(counts.shape)
            np.copyto(here, counts, casting="unsafe")
            both.append(here)
            place += counts.size
        layers.append(msgspec.structs.replace(each, reached=both[0], expert_reached=both[1]))
    return msgspec.structs.replace(found, layers=tuple(layers))
