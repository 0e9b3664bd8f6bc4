"""The sets of both models at an ε and a τ, derived from frequencies; nothing is asked anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import msgspec
import numpy as np

from analysis.components.pair import PairSets, Thresholds
from analysis.components.sets import (
    EPSILONS,
    EXPERT_EPSILONS,
    Alteration,
    ComponentSets,
    alteration,
    is_mixture,
)
from analysis.results import Frequencies

Unit = Literal["neurons", "experts"]

TAUS = tuple(step / 20 for step in range(1, 21))
"""What τ is moved over; it may be any share."""

_FITS_A_BYTE = 255
_REMEMBERED = 4


class ComponentAtlas:
    """Frequencies of both models in every category, and what follows from them; no widgets.

    Attributes:
        categories: Their names.
        unit: Whether the maps speak of neurons or of experts.
        thresholds: ε, ε_e and τ (METHODS 6).
    """

    def __init__(self, categories: Sequence[str]) -> None:
        self.categories = tuple(categories)
        self.unit: Unit = "neurons"
        self.thresholds = Thresholds()
        self._found: dict[str, tuple[Frequencies, Frequencies]] = {}
        self._pairs: dict[Thresholds, PairSets] = {}

    def add(self, base: Frequencies, tuned: Frequencies) -> None:
        """Take in a category; experts come first where there are any."""
        if not self._found and is_mixture([base]):
            self.unit = "experts"
        self._found[base.category] = _compact(base), _compact(tuned)
        self._pairs.clear()

    @property
    def counted(self) -> tuple[str, ...]:
        """The categories that are there, in the order of `categories`."""
        return tuple(each for each in self.categories if each in self._found)

    @property
    def mixture(self) -> bool:
        """Whether some layer has experts."""
        return any(is_mixture([base]) for base, _ in self._found.values())

    @property
    def layers(self) -> int:
        """Number of layers; 0 before anything is there."""
        return next((len(base.layers) for base, _ in self._found.values()), 0)

    @property
    def instructions(self) -> int:
        """How many instructions were counted."""
        return sum(base.instructions for base, _ in self._found.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know, each once."""
        both = [each for pair in self._found.values() for each in pair]
        return tuple(dict.fromkeys(note for each in both for note in each.notes))

    def threshold(self, unit: Unit) -> float:
        """ε of neurons, or of experts."""
        given = self.thresholds
        return given.epsilon if unit == "neurons" else given.expert_epsilon

    def move_threshold(self, unit: Unit, by: int) -> None:
        """Move ε of neurons or of experts by so many steps of its grid."""
        grid = EPSILONS if unit == "neurons" else EXPERT_EPSILONS
        moved = _moved(grid, self.threshold(unit), by)
        self.thresholds = (
            replace(self.thresholds, epsilon=moved)
            if unit == "neurons"
            else replace(self.thresholds, expert_epsilon=moved)
        )

    def move_tau(self, by: int) -> None:
        """Move τ by so many steps."""
        self.thresholds = replace(self.thresholds, tau=_moved(TAUS, self.thresholds.tau, by))

    @property
    def pair(self) -> PairSets:
        """Both models at the thresholds; the last few are remembered, for keys go to and fro."""
        found = self._pairs.get(self.thresholds)
        if found is None:
            if len(self._pairs) >= _REMEMBERED:
                del self._pairs[next(iter(self._pairs))]
            base, tuned = (tuple(self.frequencies(side)) for side in (0, 1))
            found = self._pairs[self.thresholds] = PairSets(base, tuned, self.thresholds)
        return found

    def sets(self, unit: Unit | None = None) -> tuple[ComponentSets, ComponentSets]:
        """The sets of base and tuned model, over the categories that are there.

        Args:
            unit: Of neurons or of experts; None for what the maps speak of.
        """
        return self.pair.neurons if (unit or self.unit) == "neurons" else self.pair.experts

    def frequencies(self, side: int) -> list[Frequencies]:
        """Of the base model (0) or the tuned one (1), the categories that are there."""
        return [self._found[each][side] for each in self.counted]

    def alteration(self) -> Alteration:
        """What tuning did to the sets, by category and layer."""
        return alteration(*self.sets())


def _moved(grid: Sequence[float], value: float, by: int) -> float:
    nearest = min(range(len(grid)), key=lambda each: abs(grid[each] - value))
    return grid[max(0, min(nearest + by, len(grid) - 1))]


def _compact(found: Frequencies) -> Frequencies:
    """The same counts in half the memory, where there are few instructions."""
    if found.instructions > _FITS_A_BYTE:
        return found
    layers = [
        msgspec.structs.replace(
            each,
            reached=each.reached.astype(np.uint8),
            expert_reached=each.expert_reached.astype(np.uint8),
        )
        for each in found.layers
    ]
    return msgspec.structs.replace(found, layers=tuple(layers))
