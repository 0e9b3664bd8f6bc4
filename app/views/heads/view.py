"""The Heads view: which word pairs every head relates, and what tuning changed in them."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import BindingType

from analysis.heads.tables import pairs_table
from app.frame.actions import bindings
from app.views.heads.neuron_page import NeuronPage
from app.views.heads.pages import HeadPages
from app.views.heads.text import HELP, copied_text, rests_on
from app.views.heads.verb_page import VerbPage
from app.widgets.item_list import ItemList


class HeadsView(HeadPages):
    """From the map to a head, from there to its neuron pairs; beside them finds and verbs."""

    SCOPE = "heads"
    HELP = HELP
    ANSWERS = frozenset({"verbs", "export", "copy"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("heads")

    # Pages

    @on(ItemList.Chosen)
    def _chosen(self, message: ItemList.Chosen) -> None:
        self.action_open()

    def action_open(self) -> None:
        """From the map to the head, from the head to its neuron pairs, from a find to its head."""
        if self._page == "map":
            self._turn_to("head")
        elif self._page == "head":
            assert self._jobs is not None
            self._jobs.open_head(*self._map.cursor)
            self._show_neurons()
            self._turn_to("neurons")
        elif self._page == "found" and self._found.places:
            self._go_to_found()

    def action_swap(self) -> None:
        """The neuron pairs of the other model."""
        self._side = 1 - self._side
        self._show_neurons()

    def action_verbs(self) -> None:
        """The verb table of the layers that are there."""
        atlas = self._atlas
        base, tuned, layers = atlas.of_model(0), atlas.of_model(1), atlas.count
        if not base:
            self.ui.say("There is no layer to count verbs in yet.", severity="warning")
            return
        self.query_one(VerbPage).count(base, tuned, layers)
        self._turn_to("verbs")

    def _back(self) -> bool:
        if self._page == "neurons":
            self._turn_to("head")
        elif self._page == "head" and self.ui.came_by_link(self):
            self._go_back()
        elif self._page in ("head", "found", "verbs"):
            self._turn_to("map")
        else:
            return False
        return True

    # Search

    def _find(self, word: str) -> str:
        places, layers = self._atlas.find(word), f"{len(self._atlas.layers)} layers"
        if not places:
            return f"No head of the {layers} computed so far pairs “{word}”."
        self._found.list_places(word, places, f"{len(places)} heads of {layers}")
        return ""

    def _go_to_found(self) -> None:
        place = self._found.place
        assert place is not None
        self._go_to(place.layer, place.head)
        self._turn_to("map" if self._page == "map" else "head")

    # What leaves the program

    def action_export(self) -> None:
        """The table that is shown as CSV: all pairs computed so far, or the verbs."""
        base, tuned = self._atlas.of_model(0), self._atlas.of_model(1)
        verbs = self.query_one(VerbPage).table if self._page == "verbs" else None
        if not base:
            self.ui.say("There are no pairs to export yet.", severity="warning")
        elif verbs is None:
            self.export_table(lambda: pairs_table(base, tuned), "heads", *self._models)
        else:
            self.export_table(verbs.table, "verbs", *self._models)

    def action_copy(self) -> None:
        """Copy the pairs of the head, or of the neuron pair, under the cursor."""
        place = self._map.cursor
        comparison = self._atlas.head(*place)
        if self._page == "neurons" and (text := self.query_one(NeuronPage).text()):
            self.ui.copy(text)
        elif comparison is None:
            self.ui.say("There is nothing to copy yet.", severity="warning")
        else:
            names = self._models
            about = rests_on(self._workspace.words, self._workspace.vectors)
            self.ui.copy(copied_text(place, comparison, names, about))
