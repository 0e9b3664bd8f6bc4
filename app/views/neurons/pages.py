"""The pages of the Components view: maps, a cell's list, search results, one neuron."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Static

from analysis.neurons.gather import Place
from analysis.neurons.instructions import (
    InstructionSet,
    default_instructions,
    demo_instructions,
    instructions_from_file,
    natural_instructions,
)
from app.frame.action import Action
from app.frame.pair_view import PairView
from app.jobs.layer_jobs import LayerJobs
from app.jobs.watch import Watch
from app.links import Link, UnitsLink
from app.views.neurons.atlas import ComponentAtlas, Unit
from app.views.neurons.jobs import ComponentJobs
from app.views.neurons.maps import ComponentMaps
from app.views.neurons.member_text import neuron_place
from app.views.neurons.members import Cell, Kind
from app.views.neurons.neuron import ComponentNeuron
from app.views.neurons.page import ComponentPage
from app.views.neurons.text import map_lines, summary
from app.views.neurons.word_page import ComponentWordPage
from app.views.neurons.word_search import WordSearch
from app.widgets.file_bar import FileBar
from app.widgets.lines import Line, Lines, width_of
from app.widgets.search_bar import SearchBar

BOTH_FROM_WIDTH = 120


_SHIPPED = {"demo": demo_instructions, "natural": natural_instructions}


class InstructionsBar(FileBar[InstructionSet]):
    """Reads a set of instructions."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(f"instructions: a file of JSON lines, or {' or '.join(_SHIPPED)}", id=id)

    def _shipped(self, name: str) -> InstructionSet | None:
        return _SHIPPED[name]() if name in _SHIPPED else None

    def _read(self, path: Path, *, skip: bool) -> InstructionSet:
        return instructions_from_file(path, skip_malformed=skip)

    def _amount(self, content: InstructionSet) -> str:
        return f"{len(content):,} instructions"


class ComponentPages(PairView[ComponentJobs]):
    """The view's state and display; `view.ComponentsView` adds the actions of keys."""

    PAGES = ("words", "maps", "list", "found", "neuron")

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._atlas = ComponentAtlas(())
        self._instructions = ""
        # The lists that led to the current one, and the page that led to the neuron.
        self._behind: list[tuple[Cell, Kind, int]] = []
        self._neuron_from = "maps"
        self._search: WordSearch | None = None
        self._wanted: UnitsLink | None = None

    def compose(self) -> ComposeResult:
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
        """The page's unit: a list of neurons may belong to an expert."""
        cell = self._list.cell
        if self._page in ("found", "neuron"):
            return "neurons"
        return cell.unit if self._page == "list" and cell is not None else self._atlas.unit

    @property
    def _component(self) -> tuple[int, int, int] | None:
        """Layer, expert and rank of the base component nearest to the shown neuron, once known."""
        found = None if self._jobs is None else self._jobs.directions
        if self._page != "neuron" or found is None or not len(found[0].components):
            return None
        return found[0].layer, found[0].expert, int(found[0].components[0])

    @property
    def _opens(self) -> bool:
        if self._page == "found":
            return self._found.place is not None
        return self._page in ("maps", "list") or self._component is not None

    @property
    def _again(self) -> LayerJobs[Any] | None:
        """Jobs that failed or were stopped and may run again, the page's own first."""
        if self._page == "found" and self._search is not None and self._search.can_run:
            return self._search.jobs
        return None if self._jobs is None else self._jobs.unfinished

    def _ask(self) -> ComponentJobs:
        return self._ask_with(default_instructions(self.pair.base, self.pair.tuned))

    def _ask_with(self, instructions: InstructionSet) -> ComponentJobs:
        """Request the models' shapes; nothing is counted of these instructions yet."""
        assert self.ui.session is not None
        self._instructions = self.prose(instructions.name)
        thresholds, self._atlas = self._atlas.thresholds, ComponentAtlas(instructions.categories)
        self._atlas.thresholds = thresholds
        for note in instructions.notes:
            self.ui.say(self.prose(note), severity="warning")
        return ComponentJobs(self.pair, self.ui.session, self, instructions)

    def read(self, instructions: InstructionSet) -> None:
        """Start over with another set of instructions."""
        self.leave()
        self._jobs = self._ask_with(instructions)
        self._behind.clear()
        self._search = None
        self._turn_to("words")

    def leave(self) -> None:
        super().leave()
        if self._search is not None:
            self._search.jobs.stop()

    def on_resize(self, event: Resize) -> None:
        """Show one map if two do not fit side by side."""
        self.set_class(event.size.width < BOTH_FROM_WIDTH, "-narrow")
        self.call_after_refresh(self._show_status)
        self.call_after_refresh(self._show_progress)

    def offers(self, action: Action) -> bool:
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
                # While the user types, enter ends that.
                return self._opens and not isinstance(self.ui.base.focused, SearchBar)
            case "components.prompts":
                return jobs is not None
            case "components.find" | "components.copy":
                return page != "words"
        return page in ("maps", "list", "found")

    def _focus_shown(self) -> None:
        match self._page:
            case "maps":
                self._maps.focus_map()
            case "list":
                self._list.items.focus()
            case "found":
                self._found.items.focus()
            case "neuron":
                self._neuron.focus()

    def _show_page(self, jobs: ComponentJobs) -> None:
        if self._page == "maps":
            self._maps.show_atlas(self._atlas, self._names)
        elif self._page == "list" and self._list.cell is not None:
            self._list.show_cell(self._atlas, self._list.cell, self._names)
        elif self._page == "found" and self._search is not None:
            self._found.show_search(self._search, self._atlas, self._names)
        elif self._page == "neuron" and jobs.place is not None:
            self._neuron.show_neuron(neuron_place(jobs.place), jobs.directions, self._names)
        self._show_status()

    def _show_status(self) -> None:
        there = self._page != "words"
        width = self.size.width - 2
        line = summary(self._atlas, self._unit, self._instructions, width) if there else []
        self.query_one("#summary", Lines).show(line)
        status = self.query_one("#status", Lines)
        status.display = self._page == "maps"
        if self._page == "maps":
            status.show(*map_lines(self._atlas, self._maps, self._names, width))

    def _show_progress(self) -> None:
        line = self._progress()
        # Keep the hint how to stop visible next to long names.
        fits = width_of(line) <= self.app.size.width - 2
        shown, right = (line, []) if fits else (line[:1], line[1:])
        self.query_one("#progress", Lines).show(shown, right=right)

    def _going_on(self) -> Line:
        line = super()._going_on()
        if self._page == "found" and self._search is not None:
            return self._search.going_on() or line[:1]
        # On a list or a neuron escape goes back first and stops nothing.
        return line[:1] if self._page in ("list", "neuron") else line

    def _all_there(self) -> Line:
        if self._page == "found" and self._search is not None and not self._search.jobs.can_run:
            return [(f"all {self._search.jobs.layers} layers are searched", "dim")]
        return super()._all_there()

    # News of the requests

    def _begin(self, jobs: ComponentJobs) -> None:
        jobs.begin_categories()
        self.show_everything()

    def _take_part(self, jobs: ComponentJobs, part: int) -> None:
        self._atlas.add(*jobs.taken(part))
        if self._page == "words":
            self._turn_to("maps")
        else:
            self.show_everything()
        self._show_wanted()

    def _take_opened(self, jobs: ComponentJobs) -> None:
        if self._page == "neuron":
            self.show_everything()

    @on(Watch.Changed)
    def _search_news(self, message: Watch.Changed) -> None:
        """Take in news of the word search; all other news is for `PairView`."""
        step = None if self._search is None else self._search.jobs.apply(message.watch)
        if self._search is None or step is None:
            return
        for notice in step.notices:
            self.ui.say(str(notice.problem), severity="warning")
        if self._search.jobs.problem is not None:
            # In full: on a narrow screen it does not fit the line.
            self.ui.say(str(self._search.jobs.problem), severity="error")
        if step.finished is not None:
            self._search.take(step.finished)
            if self._page == "found":
                self.show_everything()
        self._show_progress()
        self.ui.refresh_lines()

    def _turn_to(self, page: str) -> None:
        if page in ("maps", "list"):
            # Nothing leads back from these pages to the search's results.
            self._stop_search()
        super()._turn_to(page)

    def _open_list(self, cell: Cell, kind: Kind = "all", cursor: int = 0) -> None:
        self._list.kind = kind
        self._list.show_cell(self._atlas, cell, self._names)
        self._list.items.move_cursor(cursor)
        self._turn_to("list")

    def _open_neuron(self, place: Place) -> None:
        assert self._jobs is not None
        if self._page != "neuron":
            self._neuron_from = self._page
        self._jobs.open_neuron(place)
        self._turn_to("neuron")

    def open(self, link: Link) -> None:
        """Go to a linked list once all categories are there."""
        if not isinstance(link, UnitsLink):
            return
        self._atlas.thresholds = link.thresholds
        if self._instructions != self.prose(link.instructions.name):
            self.read(link.instructions)
        self._wanted = link
        self._show_wanted()

    def _show_wanted(self) -> None:
        wanted, names = self._wanted, self._atlas.counted
        # General and unique units depend on all categories.
        if wanted is None or names != self._atlas.categories:
            return
        self._wanted = None
        self._behind.clear()
        categories = tuple(names.index(each) for each in wanted.categories)
        self._open_list(Cell(wanted.unit, categories, wanted.layer), wanted.kind)

    def _stop_search(self) -> bool:
        """Stop the word search; returns whether it was running."""
        jobs = None if self._search is None else self._search.jobs
        if jobs is None or jobs.layer is None:
            return False
        jobs.stop()
        return True
