"""The Neurons view: the neurons and experts that instructions need, and what tuning did to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Static

from analysis.activity.gather import neuron_activity_ask
from analysis.activity.tables import Prompts
from analysis.neurons.gather import Place
from analysis.neurons.instructions import InstructionSet, default_instructions
from analysis.neurons.tables import summary_table
from app.frame.action import Action
from app.frame.actions import bindings
from app.frame.active_prompts import ActivePrompts
from app.frame.pair_view import PairView
from app.jobs.layer_jobs import LayerJobs
from app.jobs.tasks import Task
from app.links import Link, NeuronLink, PromptLink, UnitsLink
from app.state import Prompt
from app.views.neurons.above import Above
from app.views.neurons.atlas import Unit, UnitAtlas
from app.views.neurons.jobs import InstructionsBar, NeuronJobs
from app.views.neurons.maps import UnitMaps
from app.views.neurons.member_text import neuron_place
from app.views.neurons.members import Cell, Kind
from app.views.neurons.names import NeuronNames
from app.views.neurons.neuron import DirectionPage
from app.views.neurons.page import UnitPage
from app.views.neurons.search import Word, find_unit
from app.views.neurons.text import HELP, map_lines
from app.views.neurons.twin import active_commands, commands_of
from app.views.neurons.word_page import FoundNeurons
from app.widgets.item_list import ItemList
from app.widgets.lines import Line, Lines
from app.widgets.scaled_lines import ScaledLines
from app.widgets.search_bar import SearchBar

BOTH_FROM_WIDTH = 120


class NeuronsView(PairView[NeuronJobs]):
    """Maps over categories, then the list of a cell, then one neuron; neurons that write a word."""

    SCOPE = "components"
    HELP = HELP
    ANSWERS = frozenset({"export"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("components")
    PAGES = ("words", "maps", "list", "found", "neuron", "active")

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._atlas = UnitAtlas(())
        # The page that led to the neuron.
        self._neuron_from = "maps"
        self._wanted: UnitsLink | None = None
        # A neuron that a link leads to, and what waits meanwhile: the instructions.
        self._linked: NeuronLink | None = None
        self._later: Callable[[], None] | None = None

    def compose(self) -> ComposeResult:
        ascii_only, words = self.ui.settings.ascii, NeuronNames()
        yield Above()
        with Container(id="content"):
            yield Static("", id="words", markup=False)
            self._maps = UnitMaps(self, words, self._show_status, id="maps")
            self._list = UnitPage(self, words, id="page")
            self._found = FoundNeurons(self.ui, self._searched, id="found")
            self._neuron = DirectionPage(ascii_only=ascii_only, id="neuron")
            self._active = ActivePrompts(self.ui, self._searched, id="active")
            yield from (self._maps, self._list, self._found, self._neuron, self._active)
        yield SearchBar(
            "a word, a category, or a neuron's numbers, such as 3 812", id="search", filters=True
        )
        yield InstructionsBar(id="instructions")
        yield ScaledLines(id="legend")
        yield Lines(id="progress")
        yield Lines(id="status")

    @property
    def _unit(self) -> Unit:
        """The page's unit: a list of neurons may belong to an expert."""
        cell = self._list.cell
        if self._page in ("found", "neuron", "active"):
            return "neurons"
        return cell.unit if self._page == "list" and cell is not None else self._atlas.unit

    @property
    def _again(self) -> LayerJobs[Any] | None:
        """Jobs that failed or were stopped and may run again, the page's own first."""
        if self._page == "active":
            return self._active.unfinished
        searched = self._found.unfinished if self._page == "found" else None
        return searched or (None if self._jobs is None else self._jobs.unfinished)

    def leave(self) -> None:
        super().leave()
        if self._jobs is not None:
            self._found.stop()
            self._active.stop()

    def tasks(self) -> list[Task]:
        return super().tasks() + ([] if self._jobs is None else self._active.tasks())

    def on_resize(self, event: Resize) -> None:
        """Show one map if two do not fit side by side."""
        self.set_class(event.size.width < BOTH_FROM_WIDTH, "-narrow")
        self.call_after_refresh(self._show_status)
        self.call_after_refresh(self._show_progress)

    def offers(self, action: Action) -> bool:
        page = self._page
        match action.id.partition(".")[2]:
            case "stop":
                return True
            case "rerun":
                return self._again is not None
            case "map" | "measure" | "swap" | "unit" as key:
                return page == "maps" and self._maps.offers(key)
            case "kind":
                return page == "list"
            case "active":
                return page == "neuron"
            case "open":
                # While the user types, enter ends that.
                return self._opens and not isinstance(self.ui.base.focused, SearchBar)
            case "prompts":
                return self._jobs is not None
            case "find" | "copy" | "export":
                return page != "words"
        return page in ("maps", "list", "found")

    @property
    def _opens(self) -> bool:
        if self._page == "found":
            return self._found.place is not None
        if self._page == "neuron":
            return self._neuron.nearest is not None
        if self._page == "active":
            return self._active.prompt is not None
        return self._page in ("maps", "list")

    # What is shown

    @property
    def _shown(self) -> UnitMaps | UnitPage | FoundNeurons | DirectionPage | ActivePrompts:
        """The current page; there is none for words."""
        match self._page:
            case "maps":
                return self._maps
            case "list":
                return self._list
            case "found":
                return self._found
            case "active":
                return self._active
        return self._neuron

    def _focus_shown(self) -> None:
        self._shown.focus_shown()

    def _show_page(self, jobs: NeuronJobs) -> None:
        page = None if self._page == "words" else self._shown
        if isinstance(page, DirectionPage):
            assert jobs.place is not None
            page.show_neuron(neuron_place(jobs.place), jobs.directions, self._names)
        elif isinstance(page, ActivePrompts):
            page.show(self._names)
        elif page is not None:
            page.show_atlas(self._atlas, self._names)
        self._show_status()

    def _show_status(self) -> None:
        width = self.size.width - 2
        maps = self._page == "maps"
        if self._jobs is not None and self._page != "words":
            name = self.prose(self._jobs.instructions.name)
            self.query_one(Above).show_atlas(self._atlas, self._unit, name, width, finding=maps)
        if maps:
            self.query_one(ScaledLines).show_scale(self._maps.scale)
            status = self.query_one("#status", Lines)
            status.show(*map_lines(self._atlas, self._maps.cell, self._names, width))

    def _progress(self) -> Line:
        if self._page in ("words", "maps"):
            return super()._progress()
        if self._page == "active":
            return self._active.going_on()
        # On the other pages escape goes back first and stops nothing but the search.
        line = self._going_on()[:1]
        search = self._found.search if self._page == "found" else None
        if search is None:
            return line or self._all_there()
        searched: Line = [(f"all {search.jobs.layers} layers are searched", "dim")]
        return search.going_on() or line or searched

    def _turn_to(self, page: str) -> None:
        if page in ("maps", "list"):
            # Nothing leads back from these pages to the search's results.
            self._found.stop()
        super()._turn_to(page)

    def twins(self) -> Sequence[str]:
        name = "" if self._jobs is None else self._jobs.instructions.name
        if self._page == "active" and self._jobs is not None and self._jobs.place is not None:
            return active_commands(self.pair, self._jobs.place, self._jobs.instructions)
        file = self.query_one(InstructionsBar).file_called(name)
        return commands_of(self.pair, self._page, name, file, self._atlas.thresholds)

    # News of the requests

    def _ask(self) -> NeuronJobs:
        return self._ask_with(default_instructions(self.pair.base, self.pair.tuned))

    def _ask_with(self, instructions: InstructionSet) -> NeuronJobs:
        """Request the models' shapes; nothing is counted of these instructions yet."""
        assert self.session is not None
        self._atlas = UnitAtlas(instructions.categories, self._atlas.thresholds)
        for note in instructions.notes:
            self.ui.say(self.prose(note), severity="warning")
        return NeuronJobs(self.pair, self.session, self, instructions)

    def _begin(self, jobs: NeuronJobs) -> None:
        jobs.begin_categories()
        self.show_everything()

    def _take_part(self, jobs: NeuronJobs, part: int) -> None:
        self._atlas.add(*jobs.taken(part))
        if self._page == "words":
            self._turn_to("maps")
        else:
            self.show_everything()
        self._show_wanted()

    def _take_opened(self, jobs: NeuronJobs) -> None:
        if self._page == "neuron":
            self.show_everything()

    def _searched(self) -> None:
        self._show_progress()
        self.ui.refresh_lines()

    # Other instructions

    def action_prompts(self) -> None:
        self.query_one(InstructionsBar).ask()

    @on(InstructionsBar.Named)
    def _named(self, message: InstructionsBar.Named[InstructionSet]) -> None:
        if message.content is None:
            self._focus_page()
        else:
            self._read(message.content)

    def _read(self, instructions: InstructionSet) -> None:
        """Start over with another set of instructions."""
        self.leave()
        self._jobs = self._ask_with(instructions)
        self._turn_to("words")

    # Thresholds and maps

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
        self._maps.turn_measure()
        self.show_everything()

    def action_swap(self) -> None:
        self._maps.side = 1 - self._maps.side
        self._turn_to("maps")

    def action_unit(self) -> None:
        self._atlas.unit = "neurons" if self._atlas.unit == "experts" else "experts"
        self._turn_to("maps")

    # From page to page

    @on(ItemList.Chosen)
    def action_open(self) -> None:
        """Open a cell's units, an expert's neurons, a neuron's words or nearest base component."""
        if self._page == "maps":
            self._open_list(self._maps.cell)
        elif self._page == "found" and self._found.place is not None:
            self._open_neuron(self._found.place)
        elif self._page == "neuron" and self._neuron.nearest is not None:
            link = self.ui.open_link(self._neuron.nearest, back=True)
            self.run_worker(link, exit_on_error=False)
        elif self._page == "active" and self._active.prompt is not None:
            prompt = Prompt(self._active.prompt)
            link = self.ui.open_link(PromptLink(prompt), back=True)
            self.run_worker(link, exit_on_error=False)
        elif self._page == "list":
            self._open_member()

    def action_active(self) -> None:
        """List the instructions on which the neuron is most active."""
        jobs, session = self._jobs, self.session
        if jobs is not None and jobs.place is not None and session is not None:
            asked = Prompts.of(jobs.instructions)
            ask = neuron_activity_ask(self.pair.pair, asked.texts, jobs.place)
            what = f"|activation| of {neuron_place(jobs.place)}"
            self._active.start(what, ask, asked, session, head=False)
            self._turn_to("active")

    def _open_member(self) -> None:
        member = self._list.member
        if member is not None and member.neuron < 0:
            self._list.open_expert(member.layer, member.expert)
            self._turn_to("list")
        elif member is not None:
            self._open_neuron((member.layer, member.expert, member.neuron))

    def _open_list(self, cell: Cell, kind: Kind = "all") -> None:
        self._list.open(cell, kind)
        self._turn_to("list")

    def _open_neuron(self, place: Place) -> None:
        assert self._jobs is not None
        if self._page != "neuron":
            self._neuron_from = self._page
        self._jobs.open_neuron(place)
        self._turn_to("neuron")

    def action_kind(self) -> None:
        """List all units of the cell, or those kept, lost, gained, general or unique."""
        self._list.turn_kind()
        self.show_everything()

    def _back(self) -> bool:
        if self._page == "active":
            if self._active.stop():
                self._searched()
            else:
                self._turn_to("neuron")
            return True
        if self._page == "neuron" and self._neuron_from == "words":
            # No list of this view led there.
            return False
        if self._page == "neuron":
            self._turn_to(self._neuron_from)
        elif self._page == "list" and self._list.back():
            self._turn_to("list")
        elif self._page == "list" and self.ui.came_by_link(self):
            self.go_back()
        elif self._page == "list" or (self._page == "found" and not self._found.stop()):
            self._turn_to("maps")
        elif self._page == "found":
            self._searched()
        else:
            return False
        return True

    def action_run_again(self) -> None:
        if self._again is not None:
            self._again.run(0)
            self.show_everything()
            self.ui.refresh_lines()

    def _weigh(self, jobs: NeuronJobs, go: Callable[[], None]) -> None:
        """Open the neuron that a link leads to, for which no instruction need be read."""
        if self._linked is None:
            super()._weigh(jobs, go)
            return
        self._later = partial(super()._weigh, jobs, go)
        self._open_linked()

    def _open_linked(self) -> None:
        linked, self._linked = self._linked, None
        assert linked is not None
        self._open_neuron((linked.layer, -1, linked.neuron))

    def enter(self) -> None:
        """Begin with the instructions, if a link's neuron came before them."""
        if self._later is not None and not self.ui.came_by_link(self):
            later, self._later, self._page = self._later, None, "words"
            later()
        super().enter()

    def open(self, link: Link) -> None:
        """Go to a linked neuron at once, or to a linked list once all categories are there."""
        if isinstance(link, NeuronLink):
            self._linked = link
            if self._jobs is not None and self._jobs.alike:
                self._open_linked()
        if not isinstance(link, UnitsLink):
            return
        self._atlas.thresholds = link.thresholds
        if self._jobs is None or self._jobs.instructions.name != link.instructions.name:
            self._read(link.instructions)
        self._wanted = link
        self._show_wanted()

    def _show_wanted(self) -> None:
        wanted, names = self._wanted, self._atlas.counted
        # General and unique units depend on all categories.
        if wanted is None or names != self._atlas.categories:
            return
        self._wanted = None
        categories = tuple(names.index(each) for each in wanted.categories)
        self._open_list(Cell(wanted.unit, categories, wanted.layer), wanted.kind)

    # Search

    def action_find(self) -> None:
        word = self._found.failed_word if self._page == "found" else ""
        self.query_one("#search", SearchBar).open(word)

    @on(SearchBar.Sought, "#search")
    def _sought(self, message: SearchBar.Sought) -> None:
        self.filter_table("" if message.finished else message.text)
        if not message.finished:
            return
        text = message.text.strip()
        found = find_unit(text, self._atlas) if text else None
        match found:
            case None:
                self._focus_page()
            case str():
                self.ui.say(found)
                message.bar.open(text)
            case (layer, expert):
                # Its neurons in the sets of the current categories.
                cell = self._list.cell if self._page == "list" else None
                categories = (cell or self._maps.cell).categories
                self._open_list(Cell("neurons", categories, layer, expert))
            case (layer, expert, neuron):
                self._open_neuron((layer, expert, neuron))
            case Word(word) if self.session is not None:
                self._found.start(word, self.pair, self.session, self._atlas)
                self._turn_to("found")
            case int(category) if self._page == "list":
                self._list.open_category(category)
                self._turn_to("list")
            case int(category):
                self._maps.go_to_category(category)
                self._turn_to("maps")

    # What leaves the view

    def action_export(self) -> None:
        """Export what is shown as CSV; of maps, overlaps, changes and sizes of all sets."""
        if not self._atlas.counted:
            self.ui.say("There is nothing to export yet.", severity="warning")
            return
        pair = self._atlas.pair
        tables = self._shown.tables(pair) or {"components-summary": lambda: summary_table(pair)}
        self.export_tables(tables, *self._models)

    def action_copy(self) -> None:
        on_maps = self._page == "maps"
        about = f"\n\n{self.query_one('#status', Lines).plain}\n" if on_maps else ""
        self.ui.copy(self._shown.text() + about)
