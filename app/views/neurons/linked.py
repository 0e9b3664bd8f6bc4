"""Leads from another view to a list of neurons or experts in the Components view."""

from __future__ import annotations

from typing import NamedTuple

from analysis.neurons.instructions import InstructionSet
from analysis.neurons.pair import Thresholds
from app.views.neurons.atlas import Unit
from app.views.neurons.jobs import ComponentJobs
from app.views.neurons.members import Cell, Kind
from app.views.neurons.searching import ComponentSearching


class Wanted(NamedTuple):
    """A list that another view speaks of.

    Attributes:
        unit: Neurons or experts.
        categories: The names of one category, or of several that overlap.
        layer: One layer; None for all of them.
        kind: Which of the units.
    """

    unit: Unit
    categories: tuple[str, ...]
    layer: int | None
    kind: Kind


class ComponentLinked(ComponentSearching):
    """Opens what is wanted once it is there."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._wanted: Wanted | None = None

    def show_units(
        self, wanted: Wanted, instructions: InstructionSet, thresholds: Thresholds
    ) -> None:
        """Go to a list, as soon as all categories are there.

        Args:
            wanted: Which list.
            instructions: What the sets rest on; read in place of another set of instructions.
            thresholds: At which the sets are those that the other view speaks of.
        """
        self._atlas.thresholds = thresholds
        if self._instructions != self.prose(instructions.name):
            self.read(instructions)
        self._wanted = wanted
        self._show_wanted()

    def _take_part(self, jobs: ComponentJobs, part: int) -> None:
        super()._take_part(jobs, part)
        self._show_wanted()

    def _show_wanted(self) -> None:
        wanted, names = self._wanted, self._atlas.counted
        # What is general or unique, all of them decide.
        if wanted is None or names != self._atlas.categories:
            return
        self._wanted = None
        self._behind.clear()
        categories = tuple(names.index(each) for each in wanted.categories)
        self._open_list(Cell(wanted.unit, categories, wanted.layer), wanted.kind)
