"""The Components view: which neurons and experts instructions need, and what tuning changed."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import BindingType

from analysis.neurons.instructions import InstructionSet
from analysis.neurons.tables import summary_table, units_table
from app.frame.actions import bindings
from app.views.neurons.instructions_bar import InstructionsBar
from app.views.neurons.linked import ComponentLinked
from app.views.neurons.members import Cell
from app.views.neurons.text import HELP
from app.widgets.item_list import ItemList
from app.widgets.lines import Lines


class ComponentsView(ComponentLinked):
    """Maps over categories, behind them the list of a cell, behind that one neuron."""

    SCOPE = "components"
    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings("components")

    # Thresholds

    def action_threshold(self, by: int) -> None:
        """Move ε of what the page speaks of, as often as the key waits to be answered."""
        if self._page in ("maps", "list", "found"):
            self._atlas.move_threshold(self._unit, by * (1 + self.ui.take_repeats()))
            self.show_everything()

    def action_tau(self, by: int) -> None:
        """Move τ, as often as the key waits to be answered."""
        if self._page in ("maps", "list", "found"):
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
        if self._page == "found" and self._found.place is not None:
            self._open_neuron(self._found.place)
            return
        if self._page == "neuron" and self._component is not None:
            self.run_worker(self._show_component(*self._component), exit_on_error=False)
            return
        member, cell = self._list.member, self._list.cell
        if self._page != "list" or member is None or cell is None:
            return
        if member.neuron < 0:
            self._behind.append((cell, self._list.kind, self._list.items.cursor))
            self._open_list(Cell("neurons", cell.categories, member.layer, member.expert))
        else:
            self._open_neuron((member.layer, member.expert, member.neuron))

    async def _show_component(self, layer: int, expert: int, component: int) -> None:
        from app.views.concepts.view import ConceptsView

        self.ui.lead_to("concepts")
        view = await self.ui.show_view("concepts")
        assert isinstance(view, ConceptsView)
        view.show_component(layer, component, expert=expert)

    def action_kind(self) -> None:
        """All units of the cell, or those kept, lost, gained, general or unique."""
        if self._page == "list":
            self._list.turn_kind()
            self.show_everything()

    def _back(self) -> bool:
        if self._page == "neuron":
            self._turn_to(self._neuron_from)
        elif self._page == "list" and self._behind:
            self._open_list(*self._behind.pop())
        elif self._page == "list" and self.ui.came_by_link(self):
            self._go_back()
        elif self._page == "list" or (self._page == "found" and not self._stop_search()):
            self._turn_to("maps")
        elif self._page == "found":
            self._show_progress()
            self.ui.refresh_lines()
        else:
            return False
        return True

    def action_run_again(self) -> None:
        """Run what failed or was stopped."""
        if self._again is not None:
            self._again.run(0)
            self.show_everything()
            self.ui.refresh_lines()

    # Instructions

    def action_prompts(self) -> None:
        """Name the instructions that both models read."""
        if self._jobs is not None:
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

    # What leaves the program

    def action_export(self) -> None:
        """What is shown as CSV: overlaps and changes, or all units of all sets."""
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
        """Copy what is shown."""
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
