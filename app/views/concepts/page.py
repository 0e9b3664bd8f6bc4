"""A layer's components, with details of the current one below."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize

from analysis.concepts.result import LayerConcepts
from analysis.concepts.tables import Descriptions
from app.views.concepts.atlas import ConceptRow
from app.views.concepts.component_list import ConceptList
from app.views.concepts.text import details
from app.widgets.lines import Lines

WIDE_FROM = 140
"""From this width on the details need fewer lines."""


class ConceptPage(Vertical):
    """The list of one layer."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self._layer: LayerConcepts | None = None
        self._descriptions: Descriptions | None = None
        self._names = ("", "")
        self._notes: Sequence[str] = ()
        self._rows: Sequence[ConceptRow] = ()

    def compose(self) -> ComposeResult:
        yield ConceptList(self._show_details, ascii_only=self._ascii, id="list")
        yield Lines(id="details")

    def show(
        self,
        layer: LayerConcepts | None,
        rows: Sequence[ConceptRow],
        descriptions: Descriptions | None,
        names: tuple[str, str],
        notes: Sequence[str],
    ) -> None:
        """Show another layer, None if not computed yet; the cursor stays. `names` are harmless."""
        self._layer, self._descriptions = layer, descriptions
        self._names, self._notes = names, notes
        self._rows = rows
        self._show_rows()
        self._show_details()

    @property
    def items(self) -> ConceptList:
        return self.query_one(ConceptList)

    def on_resize(self, event: Resize) -> None:
        """Give the details more lines if lines are short."""
        self.set_class(event.size.width < WIDE_FROM, "-narrow")
        self._show_rows()
        self._show_details()

    def _show_rows(self) -> None:
        width = self.size.width
        self.items.show_layer(self._layer, self._rows, self._descriptions, self._names, width)

    def _show_details(self) -> None:
        lines = details(
            self._layer,
            self.items.row,
            self._descriptions,
            self._notes,
            width=self.size.width - 2,
            height=8 if self.has_class("-narrow") else 6,
            ascii_only=self._ascii,
        )
        self.query_one("#details", Lines).show(*lines)
