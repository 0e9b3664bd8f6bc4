"""The Components view: which neurons and experts instructions need, and what tuning changed."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import BindingType

from analysis.components.tables import components_table, summary_table
from app.actions import bindings
from app.export import save_table
from app.views.components.jobs import Place
from app.views.components.members import Cell
from app.views.components.pages import ComponentPages
from app.views.components.search import find_component
from app.views.components.text import HELP
from app.widgets.item_list import ItemList
from app.widgets.lines import Lines
from app.widgets.search_bar import SearchBar


class ComponentsView(ComponentPages):
    """Maps over categories, behind them the list of a cell, behind that one neuron."""

    SCOPE = "components"
    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings("components")

    # Thresholds

    def action_threshold(self, by: int) -> None:
        """Move ε of what the page speaks of, as often as the key waits to be answered."""
        if self._page in ("maps", "list"):
            self._atlas.move_threshold(self._unit, by * (1 + self.ui.take_repeats()))
            self.show_everything()

    def action_tau(self, by: int) -> None:
        """Move τ, as often as the key waits to be answered."""
        if self._page in ("maps", "list"):
            self._atlas.move_tau(by * (1 + self.ui.take_repeats()))
            self.show_everything()

    # Maps

    def action_map(self) -> None:
        """The next map."""
        if self._page == "maps":
            self._maps.turn()
            self._turn_to("maps")

    def action_measure(self) -> None:
        """Overlaps by Jaccard index or by containment."""
        maps = self._maps
        if self._page == "maps" and maps.shown == "overlaps":
            maps.measure = "containment" if maps.measure == "jaccard" else "jaccard"
            self.show_everything()

    def action_swap(self) -> None:
        """The other model."""
        if self._page == "maps" and self._maps.shown != "changes":
            self._maps.side = 1 - self._maps.side
            self._turn_to("maps")

    def action_unit(self) -> None:
        """Experts or neurons."""
        if self._page == "maps" and self._atlas.mixture:
            self._atlas.unit = "neurons" if self._atlas.unit == "experts" else "experts"
            self._turn_to("maps")

    # Lists and neurons

    @on(ItemList.Chosen)
    def _chosen(self, message: ItemList.Chosen) -> None:
        self.action_open()

    def action_open(self) -> None:
        """From a cell to its units, from an expert to its neurons, from a neuron to what it writes.

        From there to the component of the base model that lies nearest.
        """
        if self._page == "maps":
            self._behind.clear()
            self._open_list(self._maps.cell(self._atlas))
            return
        if self._page == "neuron" and self._component is not None:
            self.run_worker(self._show_component(*self._component), exit_on_error=False)
            return
        member, cell = self._list.member, self._list.cell
        if self._page != "list" or member is None or cell is None:
            return
        if member.neuron < 0:
            self._behind.append((cell, self._list.items.cursor))
            self._open_list(Cell("neurons", cell.categories, member.layer, member.expert))
        else:
            self._open_neuron((member.layer, member.expert, member.neuron))

    async def _show_component(self, layer: int, component: int) -> None:
        from app.views.concepts.view import ConceptsView

        view = await self.ui.show_view("concepts")
        assert isinstance(view, ConceptsView)
        view.show_component(layer, component)

    def _open_list(self, cell: Cell, cursor: int = 0) -> None:
        self._list.show_cell(self._atlas, cell, self._names)
        self._list.items.move_cursor(cursor)
        self._turn_to("list")

    def _open_neuron(self, place: Place) -> None:
        assert self._jobs is not None
        if self._page != "neuron":
            self._neuron_from = self._page
        self._jobs.open_neuron(place)
        self._turn_to("neuron")

    def action_kind(self) -> None:
        """All units of the cell, or those kept, lost, gained, general or unique."""
        if self._page == "list":
            self._list.turn_kind()
            self.show_everything()

    def action_stop(self) -> None:
        """Back; on the maps stop what runs, or go back to the first view."""
        if self._page == "neuron":
            self._turn_to(self._neuron_from)
        elif self._page == "list" and self._behind:
            self._open_list(*self._behind.pop())
        elif self._page == "list":
            self._turn_to("maps")
        elif self._jobs is not None and self._jobs.stop():
            self.show_everything()
            self.ui.refresh_lines()
        else:
            self.run_worker(self.ui.action_show_view(0), exit_on_error=False)

    def action_run_again(self) -> None:
        """Run what failed or was stopped."""
        if self._jobs is not None:
            self._jobs.run_again()
            self.show_everything()
            self.ui.refresh_lines()

    # Search

    def action_find(self) -> None:
        """Open the search bar."""
        if self._page in ("maps", "list"):
            self.query_one(SearchBar).open()

    @on(SearchBar.Sought)
    def _sought(self, message: SearchBar.Sought) -> None:
        if not message.finished:
            return
        text = message.text.strip()
        found = find_component(text, self._atlas) if text else None
        if isinstance(found, tuple):
            self._open_neuron(found)
        elif isinstance(found, int):
            row, _ = self._maps.cursor
            overlaps = self._maps.shown == "overlaps"
            self._maps.put_cursor(found if overlaps else row, found)
            self._turn_to("maps")
        else:
            self._focus_page()
            if found:
                self.ui.say(found)

    # What leaves the program

    def action_export(self) -> None:
        """What is shown as CSV: overlaps and changes, or all units of all sets."""
        if not self._atlas.counted:
            self.ui.say("There is nothing to export yet.", severity="warning")
            return
        pair, names = self._atlas.pair, self._names
        listed = self._page == "list"
        table = components_table(pair) if listed else summary_table(pair)
        kind = "components" if listed else "components-summary"

        def write() -> None:
            try:
                path = save_table(table, kind, names, Path.cwd())
            except OSError as error:
                words = f"Nothing was exported: {error}"
                self.app.call_from_thread(self.ui.say, words, severity="error")
            else:
                self.app.call_from_thread(self.ui.say, f"Exported to {path}")

        self.run_worker(write, thread=True, exit_on_error=False, group="export")

    def action_copy(self) -> None:
        """Copy what is shown."""
        text = {"list": self._list.text, "neuron": self._neuron.text}.get(self._page)
        if text is not None:
            self.ui.copy(text())
        elif self._page == "maps":
            self.ui.copy(self.query_one("#status", Lines).plain + "\n")
