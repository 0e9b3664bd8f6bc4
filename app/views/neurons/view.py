"""The Components view: the neurons and experts that instructions need, and changes by tuning."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import BindingType

from analysis.neurons.instructions import InstructionSet
from analysis.neurons.tables import summary_table, units_table
from app.frame.actions import bindings
from app.links import ComponentLink
from app.views.neurons.members import Cell
from app.views.neurons.pages import ComponentPages, InstructionsBar
from app.views.neurons.search import Word, find_component
from app.views.neurons.text import HELP
from app.views.neurons.word_search import WordSearch
from app.widgets.item_list import ItemList
from app.widgets.lines import Lines
from app.widgets.search_bar import SearchBar


class ComponentsView(ComponentPages):
    """Maps over categories, then the list of a cell, then one neuron."""

    SCOPE = "components"
    HELP = HELP
    ANSWERS = frozenset({"export"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("components")

    def action_threshold(self, by: int) -> None:
        self._atlas.move_threshold(self._unit, by * (1 + self.ui.take_repeats()))
        self.show_everything()

    def action_tau(self, by: int) -> None:
        self._atlas.move_tau(by * (1 + self.ui.take_repeats()))
        self.show_everything()

    def action_map(self) -> None:
        self._maps.turn()
        self._turn_to("maps")

    def action_measure(self) -> None:
        """Measure overlaps by Jaccard index or by containment."""
        maps = self._maps
        maps.measure = "containment" if maps.measure == "jaccard" else "jaccard"
        self.show_everything()

    def action_swap(self) -> None:
        self._maps.side = 1 - self._maps.side
        self._turn_to("maps")

    def action_unit(self) -> None:
        self._atlas.unit = "neurons" if self._atlas.unit == "experts" else "experts"
        self._turn_to("maps")

    @on(ItemList.Chosen)
    def _chosen(self, message: ItemList.Chosen) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Open a cell's units, an expert's neurons, a neuron's words or nearest base component."""
        if self._page == "maps":
            self._behind.clear()
            self._open_list(self._maps.cell(self._atlas))
            return
        if self._page == "found" and self._found.place is not None:
            self._open_neuron(self._found.place)
            return
        if self._page == "neuron" and self._component is not None:
            layer, expert, component = self._component
            link = ComponentLink(layer, component, expert=expert)
            self.run_worker(self.ui.open_link(link, back=True), exit_on_error=False)
            return
        member, cell = self._list.member, self._list.cell
        if self._page != "list" or member is None or cell is None:
            return
        if member.neuron < 0:
            self._behind.append((cell, self._list.kind, self._list.items.cursor))
            self._open_list(Cell("neurons", cell.categories, member.layer, member.expert))
        else:
            self._open_neuron((member.layer, member.expert, member.neuron))

    def action_kind(self) -> None:
        """List all units of the cell, or those kept, lost, gained, general or unique."""
        self._list.turn_kind()
        self.show_everything()

    def _back(self) -> bool:
        if self._page == "neuron":
            self._turn_to(self._neuron_from)
        elif self._page == "list" and self._behind:
            self._open_list(*self._behind.pop())
        elif self._page == "list" and self.ui.came_by_link(self):
            self.go_back()
        elif self._page == "list" or (self._page == "found" and not self._stop_search()):
            self._turn_to("maps")
        elif self._page == "found":
            self._show_progress()
            self.ui.refresh_lines()
        else:
            return False
        return True

    def action_run_again(self) -> None:
        if self._again is not None:
            self._again.run(0)
            self.show_everything()
            self.ui.refresh_lines()

    def action_find(self) -> None:
        search = self._search if self._page == "found" else None
        # Offer an unknown word again for correction.
        failed = search is not None and search.jobs.problem is not None
        word = search.word if search is not None and failed else ""
        self.query_one("#search", SearchBar).open(word)

    @on(SearchBar.Sought, "#search")
    def _sought(self, message: SearchBar.Sought) -> None:
        if not message.finished:
            return
        text = message.text.strip()
        found = find_component(text, self._atlas) if text else None
        match found:
            case None:
                self._focus_page()
            case str():
                self.ui.say(found)
                message.bar.open(text)
            case (layer, expert):
                self._open_expert(layer, expert)
            case (layer, expert, neuron):
                self._open_neuron((layer, expert, neuron))
            case Word(word):
                self._search_word(word)
            case category:
                self._go_to_category(category)

    def _search_word(self, word: str) -> None:
        assert self.ui.session is not None
        if self._search is not None:
            self._search.jobs.stop()
        layers = self._atlas.layers
        self._search = WordSearch(word, self.pair, self.ui.session, self, layers)
        self._turn_to("found")

    def _open_expert(self, layer: int, expert: int) -> None:
        """List an expert's neurons in the sets of the current categories."""
        cell = self._list.cell if self._page == "list" else None
        looked_at = cell or self._maps.cell(self._atlas)
        self._behind.clear()
        self._open_list(Cell("neurons", looked_at.categories, layer, expert))

    def _go_to_category(self, category: int) -> None:
        """Go to a category's list if a list is shown, else to its place on the maps."""
        cell = self._list.cell
        if self._page == "list" and cell is not None:
            self._open_list(cell._replace(categories=(category,)), self._list.kind)
            return
        row, _ = self._maps.cursor
        overlaps = self._maps.shown == "overlaps"
        self._maps.put_cursor(category if overlaps else row, category)
        self._turn_to("maps")

    def action_prompts(self) -> None:
        self.query_one(InstructionsBar).ask()

    @on(InstructionsBar.Refused)
    def _refused(self, message: InstructionsBar.Refused) -> None:
        self.ui.say(str(message.problem), severity="error")

    @on(InstructionsBar.Named)
    def _named(self, message: InstructionsBar.Named[InstructionSet]) -> None:
        if message.content is None:
            self._focus_page()
        else:
            self.read(message.content)

    def action_export(self) -> None:
        """Export overlaps and changes, or all units of all sets, as CSV."""
        if not self._atlas.counted:
            self.ui.say("There is nothing to export yet.", severity="warning")
            return
        pair, search = self._atlas.pair, self._search
        if self._page == "found" and search is not None:
            found = search.table(self._atlas)
            self.export_table(lambda: found, "components-word", search.word, *self._names)
        elif self._page == "list":
            self.export_table(lambda: units_table(pair), "components", *self._names)
        else:
            self.export_table(lambda: summary_table(pair), "components-summary", *self._names)

    def action_copy(self) -> None:
        match self._page:
            case "maps":
                about = self.query_one("#status", Lines).plain
                self.ui.copy(f"{self._maps.text(self._atlas, self._names)}\n\n{about}\n")
            case "list":
                self.ui.copy(self._list.text())
            case "found":
                self.ui.copy(self._found.text())
            case "neuron":
                self.ui.copy(self._neuron.text())
