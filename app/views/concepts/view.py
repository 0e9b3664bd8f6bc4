"""The Concepts view: what the feed-forward networks write, and what tuning changed in it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import BindingType

from analysis.concepts.tables import concepts_table
from app.frame.actions import bindings
from app.views.concepts.pages import ConceptPages
from app.views.concepts.text import HELP, copied_text
from app.widgets.item_list import ItemList


class ConceptsView(ConceptPages):
    """From layer to layer, from list to plots, and to what was found."""

    SCOPE = "concepts"
    HELP = HELP
    ANSWERS = frozenset({"export", "copy"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("concepts")

    # Layers and experts

    def action_layer(self, by: int) -> None:
        """The next (1) or the previous (-1) layer, as often as the key waits to be answered."""
        assert self._jobs is not None
        assert self._jobs.parts is not None
        layer = self._layer + by * (1 + self.ui.take_repeats())
        self._go_to(max(0, min(layer, self._jobs.parts.layers - 1)))

    def action_expert(self, by: int) -> None:
        """The next (1) or the previous (-1) expert."""
        self._go_to_expert((self._expert + by) % self._experts)
        self._turn_to("list" if self._page == "found" else self._page)

    # Pages

    @on(ItemList.Chosen, "#found")
    def action_open(self) -> None:
        """From a find to its row."""
        self._go_to_found()

    def action_plot(self) -> None:
        """The next plot; after the last one the list again."""
        if self._page == "plot":
            more = self._plots.next(described=self._descriptions is not None)
            self._turn_to("plot" if more else "list")
        else:
            self._plots.first()
            self._turn_to("plot")

    def action_table(self) -> None:
        """From a plot to its numbers and back."""
        self._plots.swap()

    def _back(self) -> bool:
        if self._page in ("plot", "found"):
            self._turn_to("list")
        elif self._page == "list" and self.ui.came_by_link(self):
            self._go_back()
        else:
            return False
        return True

    # Search

    def _find(self, word: str) -> str:
        places = self._atlas.find(word)
        if not places:
            count = len(self._atlas.layers)
            return f"“{word}” stands in no component of the {count} layers computed so far."
        self._found.show_places(word, places, self._atlas)
        return ""

    def _go_to_found(self) -> None:
        place = self._found.place
        assert place is not None
        self._turn_to("list")
        self._go_to(place.layer, place.row)

    # What leaves the program

    def action_export(self) -> None:
        """The components of all layers computed so far as CSV, or the numbers of the plot."""
        layers, plots = self._atlas.layers, self._plots
        if not layers:
            self.ui.say("There are no components to export yet.", severity="warning")
        elif self._page == "plot" and plots.table is not None:
            table = plots.table
            self.export_table(lambda: table, f"concepts-{plots.kind}", *self._models)
        else:
            listed = concepts_table(layers, self._descriptions)
            self.export_table(lambda: listed, "concepts", *self._models)

    def action_copy(self) -> None:
        """Copy the row under the cursor, or the numbers of the plot."""
        layer, row = self._shown, self._concepts.items.row
        if self._page == "words" or layer is None:
            self.ui.say("There is nothing to copy yet.", severity="warning")
        elif self._page == "plot":
            self.ui.copy(self._plots.text())
        elif row is not None:
            self.ui.copy(copied_text(layer, row, self._names, self._descriptions))
