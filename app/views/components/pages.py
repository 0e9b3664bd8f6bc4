"""The pages of the Components view: maps, the list of a cell, one neuron; news of the requests."""

from __future__ import annotations

from typing import Literal

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Static

from analysis.instruction_sets import default_instructions
from analysis.results import Frequencies
from analysis.status import EngineStatus
from app.actions import Action
from app.views.components.atlas import ComponentAtlas, Unit
from app.views.components.jobs import ComponentJobs
from app.views.components.maps import ComponentMaps
from app.views.components.members import Cell
from app.views.components.neuron import ComponentNeuron
from app.views.components.page import ComponentPage
from app.views.components.text import map_lines, neuron_place, summary, waiting_text
from app.views.model_names import short_names
from app.views.view import View
from app.watch import Watch
from app.widgets.lines import Lines
from app.widgets.search_bar import SearchBar
from app.workspace import PairWorkspace

Page = Literal["words", "maps", "list", "neuron"]
PAGES: tuple[Page, ...] = ("words", "maps", "list", "neuron")
BOTH_FROM_WIDTH = 120


class ComponentPages(View):
    """The state of the view and what shows it; `components.ComponentsView` adds what keys do."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._page: Page = "words"
        self._jobs: ComponentJobs | None = None
        self._atlas = ComponentAtlas(())
        self._instructions = ""
        # The lists that the one shown was opened from, and where the neuron was opened.
        self._behind: list[tuple[Cell, int]] = []
        self._neuron_from: Page = "maps"

    # What is on the screen

    def compose(self) -> ComposeResult:
        """The pages, of which one is shown, between lines on what is shown and what goes on."""
        ascii_only = self.ui.settings.ascii
        yield Lines(id="summary")
        with Container(id="content"):
            yield Static("", id="words", markup=False)
            yield ComponentMaps(self._show_status, ascii_only=ascii_only, id="maps")
            yield ComponentPage(ascii_only=ascii_only, id="page")
            yield ComponentNeuron(ascii_only=ascii_only, id="neuron")
        yield SearchBar("a neuron by its numbers, such as 3 812, or a category", id="search")
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
    def _neuron(self) -> ComponentNeuron:
        return self.query_one(ComponentNeuron)

    @property
    def _unit(self) -> Unit:
        """What the page speaks of: a list of neurons may be of an expert."""
        cell = self._list.cell
        return cell.unit if self._page == "list" and cell is not None else self._atlas.unit

    @property
    def _component(self) -> tuple[int, int] | None:
        """Layer and rank of the base component nearest to the neuron that is shown.

        None while that is not known, and in a mixture, where every expert has its own.
        """
        found = None if self._jobs is None else self._jobs.directions
        if self._page != "neuron" or found is None or found[0].expert >= 0:
            return None
        return (found[0].layer, int(found[0].components[0])) if len(found[0].components) else None

    def enter(self) -> None:
        """Ask what the models are built of, the first time; focus what is shown."""
        if self._jobs is None and self.ui.session is not None:
            instructions = default_instructions(self._workspace.base, self._workspace.tuned)
            self._instructions = instructions.name
            self._atlas = ComponentAtlas(instructions.categories)
            self._jobs = ComponentJobs(self._workspace, self.ui.session, self, instructions)
        self._turn_to(self._page)

    def leave(self) -> None:
        """Nothing is waited for."""
        if self._jobs is not None:
            self._jobs.stop()

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
                return jobs is not None and jobs.unfinished is not None
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
                return page in ("maps", "list") or self._component is not None
        return page in ("maps", "list") or (page == "neuron" and action.id == "components.copy")

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
        if not line and self._page != "words":
            line = [(f"all {len(self._atlas.categories)} categories are there", "dim")]
        self.query_one("#progress", Lines).show(line)

    # News of the requests

    def engine_changed(self, status: EngineStatus) -> None:
        """Say what is waited for."""
        self._show_progress()

    @on(Watch.Changed)
    def _news(self, message: Watch.Changed) -> None:
        message.stop()
        jobs = self._jobs
        news = None if jobs is None else jobs.apply(message.watch)
        if jobs is None or news is None:
            return
        kind, step = news
        for notice in step.notices:
            self.ui.say(str(notice.problem), severity="warning")
        if step.finished is None:
            if self._page == "words":
                self.show_everything()
        elif kind == "shapes":
            base, tuned = jobs.architectures or (None, None)
            if base is not None and tuned is not None and base.is_built_like(tuned):
                jobs.begin_categories()
            self.show_everything()
        elif kind == "categories":
            self._take(*jobs.taken(step.finished))
        elif self._page == "neuron":
            self.show_everything()
        self._show_progress()
        if self.ui.view is self and jobs.running is None:
            self.ui.refresh_lines()

    def _take(self, base: Frequencies, tuned: Frequencies) -> None:
        self._atlas.add(base, tuned)
        if self._page == "words":
            self._turn_to("maps")
        else:
            self.show_everything()
