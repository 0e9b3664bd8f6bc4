"""Leads from another view to a list of neurons or experts in the Components view."""

from __future__ import annotations

from app.links import Link, UnitsLink
from app.views.neurons.jobs import ComponentJobs
from app.views.neurons.members import Cell
from app.views.neurons.searching import ComponentSearching


class ComponentLinked(ComponentSearching):
    """Opens what is wanted once it is there."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._wanted: UnitsLink | None = None

    def open(self, link: Link) -> None:
        """Go to a list, as soon as all categories are there."""
        if not isinstance(link, UnitsLink):
            return
        self._atlas.thresholds = link.thresholds
        if self._instructions != self.prose(link.instructions.name):
            self.read(link.instructions)
        self._wanted = link
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
