"""The list of studies with their states, below what all of them found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.views.studies.desk import OfferedStudy
from app.views.studies.overview import NAME, overview_line
from app.views.studies.text import list_line, state_text
from app.widgets.item_list import ItemList
from app.widgets.lines import Line


class StudyList(ItemList):
    """A line for the overview, then one per study."""

    def __init__(self, follow: Callable[[], None], *, id: str) -> None:  # noqa: A002 - Textual's own name
        """Args: called when the cursor moves; the widget's id."""
        super().__init__(self._line, id=id)
        self._follow = follow
        self._studies: Sequence[OfferedStudy] = ()
        self._drawn: dict[int, Line] = {}

    def show_studies(self, studies: Sequence[OfferedStudy]) -> None:
        self._studies = studies
        self._drawn.clear()
        self.show(1 + len(studies) if studies else 0)

    @property
    def study(self) -> OfferedStudy | None:
        """The study under the cursor; None on the overview."""
        return self._studies[self.cursor - 1] if self._studies and self.cursor else None

    def move_cursor(self, index: int) -> None:
        before = self.cursor
        super().move_cursor(index)
        if self.cursor != before:
            self._follow()

    def update_lines(self) -> None:
        width = self.scrollable_content_region.width
        for index, line in list(self._drawn.items()):
            if self._line(index, width) != line:
                self.refresh_item(index)

    def _line(self, index: int, width: int) -> Line:
        names = max(len(NAME), *(len(each.spec.name) for each in self._studies))
        # What a running study says is longer, and changes.
        still = [each for each in self._studies if not each.active]
        states = max((len(state_text(each, width - names - 3)) for each in still), default=0)
        if index:
            self._drawn[index] = list_line(self._studies[index - 1], names, width, states)
        else:
            self._drawn[index] = overview_line(self._studies, names, width, states)
        return self._drawn[index]
