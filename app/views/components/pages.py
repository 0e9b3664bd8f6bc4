"""The pages of the Components view: maps, the list of a cell, what a search found, one neuron."""

from __future__ import annotations

from typing import Literal

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Static

from analysis.instruction_sets import InstructionSet, default_instructions
from analysis.status import EngineStatus
from app.actions import Action
from app.layer_jobs import LayerJobs
from app.views.components.atlas import ComponentAtlas, Unit
from app.views.components.instructions_bar import InstructionsBar
from app.views.components.jobs import ComponentJobs
from app.views.components.maps import ComponentMaps
from app.views.components.members import Cell, Kind
from app.views.components.neuron import ComponentNeuron
from app.views.components.page import ComponentPage
from app.views.components.text import map_lines, neuron_place, summary, waiting_text
from app.views.components.word_page import ComponentWordPage
from app.views.components.word_search import WordSearch
from app.views.model_names import short_names
from app.views.view import View
from app.widgets.lines import Lines, width_of
from app.widgets.search_bar import SearchBar
from app.workspace import PairWorkspace

Page = Literal["words", "maps", "list", "found", "neuron"]
PAGES: tuple[Page, ...] = ("words", "maps", "list", "found", "neuron")
BOTH_FROM_WIDTH = 120


class ComponentPages(View):
    """The state of the view and what shows it; `view.ComponentsView` adds what keys do."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._page: Page = "words"
        self._jobs: ComponentJobs | None = None
        self._atlas = ComponentAtlas(())
        self._instructions = ""
        # The lists that the one shown was opened from, and where the neuron was opened.
        self._behind: list[tuple[Cell, Kind, int]] = []
        self._neuron_from: Page = "maps"
        self._search: WordSearch | None = None

    # What is on the screen

    def compose(self) -> ComposeResult:
        """The pages, of which one is shown, between lines on what is shown and what goes on."""
        ascii_only = self.ui.settings.ascii
        yield Lines(id="summary")
        with Container(id="content"):
            yield Static("", id="words", markup=False)
            yield ComponentMaps(self._show_status, ascii_only=ascii_only, id="maps")
            yield ComponentPage(ascii_only=ascii_only, id="page")
            yield ComponentWordPage(ascii_only=ascii_only, id="found")
            yield ComponentNeuron(ascii_only=ascii_only, id="neuron")
        yield SearchBar("a word, a category, or a neuron's numbers, such as 3 812", id="search")
        yield InstructionsBar(id="instructions")
        yield Lines(id="progress")
        yield Lines(id="status")

    @property
    def _workspace(self) -> PairWorkspace:
        assert isinstance(self.ui.workspace, PairWorkspace)
        return self.ui.workspace

    @property
    def _names(self) -> tuple[str, str]:
        """Of base and tuned model, short and harmless."""
        base, tuned = short_names(self._workspace.base.name, self._workspace.tuned.name)
        return self.prose(base), self.prose(tuned)

    @property
    def _maps(self) -> ComponentMaps:
        return self.query_one(ComponentMaps)

    @property
    def _list(self) -> ComponentPage:
        return self.query_one(ComponentPage)

    @property
    def _found(self) -> ComponentWordPage:
        return self.query_one(ComponentWordPage)

    @property
    def _neuron(self) -> ComponentNeuron:
        return self.query_one(ComponentNeuron)

    @property
    def _unit(self) -> Unit:
        """What the page speaks of: a list of neurons may be of an expert."""
        cell = self._list.cell
        if self._page in ("found", "neuron"):
            return "neurons"
        return cell.unit if self._page == "list" and cell is not None else self._atlas.unit

    @property
    def _component(self) -> tuple[int, int, int] | None:
        """Layer, expert and rank of the base component nearest to the neuron that is shown.

        None while that is not known.
        """
        found = None if self._jobs is None else self._jobs.directions
        if self._page != "neuron" or found is None or not len(found[0].components):
            return None
        return found[0].layer, found[0].expert, int(found[0].components[0])

    def enter(self) -> None:
        """Ask what the models are built of, the first time; focus what is shown."""
        if self._jobs is None and self.ui.session is not None:
            self.read(default_instructions(self._workspace.base, self._workspace.tuned))
        self._turn_to(self._page)

    @property
    def _again(self) -> LayerJobs | None:
        """What failed or was stopped and may run again, of the page first."""
        search = self._search.jobs if self._page == "found" and self._search is not None else None
        if search is not None and search.can_run:
            return search
        return None if self._jobs is None else self._jobs.unfinished

    def read(self, instructions: InstructionSet) -> None:
        """Begin with a set of instructions, in place of another one."""
        assert self.ui.session is not None
        self.leave()
        self._instructions = self.prose(instructions.name)
        thresholds, self._atlas = self._atlas.thresholds, ComponentAtlas(instructions.categories)
        self._atlas.thresholds = thresholds
        self._jobs = ComponentJobs(self._workspace, self.ui.session, self, instructions)
        self._page = "words"
        self._behind.clear()
        self._search = None
        for note in instructions.notes:
            self.ui.say(self.prose(note), severity="warning")

    def leave(self) -> None:
        """Nothing is waited for."""
        if self._jobs is not None:
            self._jobs.stop()
        if self._search is not None:
            self._search.jobs.stop()

    def on_resize(self, event: Resize) -> None:
        """One map where two do not fit side by side."""
        self.set_class(event.size.width < BOTH_FROM_WIDTH, "-narrow")
        self.call_after_refresh(self._show_status)

    def offers(self, action: Action) -> bool:
        """What the page that is shown can do."""
        jobs, page, maps = self._jobs, self._page, self._maps
        match action.id:
            case "components.stop":
                return True
            case "components.rerun":
                return self._again is not None
            case "components.map":
                return page == "maps"
            case "components.measure":
                return page == "maps" and maps.shown == "overlaps"
            case "components.swap":
                return page == "maps" and maps.shown != "changes"
            case "components.unit":
                return page == "maps" and self._atlas.mixture
            case "components.kind":
                return page == "list"
            case "components.open":
                return page in ("maps", "list", "found") or self._component is not None
            case "components.prompts":
                return jobs is not None
            case "components.find" | "components.copy":
                return page != "words"
        return page in ("maps", "list", "found")

    def _turn_to(self, page: Page) -> None:
        self._page = page
        for each in PAGES:
            self.set_class(each == page, f"-{each}")
        self.show_everything()
        if self.ui.view is self:
            self._focus_page()
            self.ui.refresh_lines()

    def _focus_page(self) -> None:
        # The keys of the view work while there is nothing to put a cursor on.
        self.can_focus = self._page == "words"
        match self._page:
            case "words":
                self.focus()
            case "maps":
                self._maps.focus_map()
            case "list":
                self._list.items.focus()
            case "found":
                self._found.items.focus()
            case "neuron":
                self._neuron.focus()

    def show_everything(self) -> None:
        """Words, maps, list and lines from the state."""
        jobs = self._jobs
        if jobs is None:
            return
        if self._page == "words":
            text = waiting_text(jobs.shapes.problem, jobs.shapes.stopped, jobs.architectures)
            words = self.query_one("#words", Static)
            words.set_class(jobs.shapes.problem is not None, "bad")
            words.update("\n".join(self.prose(line) for line in text.split("\n")))
        elif self._page == "maps":
            self._maps.show_atlas(self._atlas, self._names)
        elif self._page == "list" and self._list.cell is not None:
            self._list.show_cell(self._atlas, self._list.cell, self._names)
        elif self._page == "found" and self._search is not None:
            self._found.show_search(self._search, self._atlas, self._names)
        elif self._page == "neuron" and jobs.place is not None:
            self._neuron.show_neuron(neuron_place(jobs.place), jobs.directions, self._names)
        self._show_status()
        self._show_progress()

    def _show_status(self) -> None:
        there = self._page != "words"
        line = summary(self._atlas, self._unit, self._instructions) if there else []
        self.query_one("#summary", Lines).show(line)
        status = self.query_one("#status", Lines)
        status.display = self._page == "maps"
        if self._page == "maps":
            status.show(*map_lines(self._atlas, self._maps, self._names, self.size.width - 2))

    def _show_progress(self) -> None:
        starting = self.ui.status.state in ("off", "starting")
        line = [] if self._jobs is None else self._jobs.going_on(engine_starting=starting)
        if self._page == "found" and self._search is not None:
            line = self._search.going_on() or line[:1]
        elif self._page in ("list", "neuron"):
            # Escape leads back first.
            line = line[:1]
        if not line and self._page != "words":
            line = [(f"all {len(self._atlas.categories)} categories are there", "dim")]
        progress = self.query_one("#progress", Lines)
        # How to stop it stays in sight beside long names.
        fits = width_of(line) <= self.app.size.width - 2
        progress.show(line if fits else line[:1], right=() if fits else line[1:])

    def engine_changed(self, status: EngineStatus) -> None:
        """Say what is waited for."""
        self._show_progress()
