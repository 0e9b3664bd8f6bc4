"""The Concepts view: what the feed-forward networks write, and what tuning changed in it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.events import Resize
from textual.timer import Timer
from textual.widgets import Static

from analysis.concept_tables import Descriptions, NoDescriptions, concepts_table
from analysis.events import EngineStatus
from analysis.results import LayerConcepts
from analysis.table import Table
from app.actions import Action, bindings
from app.export import free_path, save_csv
from app.views.concept_atlas import ConceptAtlas
from app.views.concept_jobs import ConceptJobs
from app.views.concept_list import ConceptList
from app.views.concept_plots import PlotKind, plot_and_table, plot_kinds
from app.views.concepts_text import HELP, copied_text, details, different_shapes, summary
from app.views.found_concepts import FoundConcepts
from app.views.model_names import short_names
from app.views.view import View
from app.watch import Watch
from app.widgets.item_list import ItemList
from app.widgets.lines import Line, Lines
from app.widgets.plot import Plot
from app.widgets.search_bar import SearchBar
from app.widgets.table_list import TableList
from app.workspace import PairWorkspace

Page = Literal["words", "list", "plot", "table", "found"]
PAGES: tuple[Page, ...] = ("words", "list", "plot", "table", "found")
WIDE_FROM = 140
_SCROLLBAR = 1
# A layer that is only passed is not computed.
_SETTLED_S = 0.4


class ConceptsView(View):
    """A layer's components as a list, or a plot, a table or finds in its place."""

    SCOPE = "concepts"
    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings("concepts")

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._page: Page = "words"
        self._plot: PlotKind = "variance"
        self._jobs: ConceptJobs | None = None
        self._atlases: dict[int, ConceptAtlas] = {-1: ConceptAtlas()}
        self._layer = 0
        self._expert = -1
        self._descriptions: Descriptions | None = None
        self._settling: Timer | None = None

    def describe(self, descriptions: Descriptions | None) -> None:
        """Show these descriptions from now on; None where nothing is described."""
        self._descriptions = descriptions
        if self.is_mounted:
            self.show_everything()

    # What is on the screen

    def compose(self) -> ComposeResult:
        """The pages, of which one is shown, between lines on what is shown and what goes on."""
        ascii_only = self.ui.settings.ascii
        yield Lines(id="summary")
        yield Lines(id="columns")
        with Container(id="content"):
            yield Static("", id="words", markup=False)
            yield ConceptList(self._show_details, ascii_only=ascii_only, id="list")
            yield Plot(ascii_only=ascii_only, id="plot")
            yield TableList(ascii_only=ascii_only, id="table")
            yield FoundConcepts(ascii_only=ascii_only, id="found")
        yield SearchBar("a word to find in the components of all layers", id="search")
        yield Lines(id="progress")
        yield Lines(id="details")

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
    def _atlas(self) -> ConceptAtlas:
        return self._atlases[self._expert]

    @property
    def _list(self) -> ConceptList:
        return self.query_one("#list", ConceptList)

    @property
    def _found(self) -> FoundConcepts:
        return self.query_one("#found", FoundConcepts)

    @property
    def _room(self) -> int:
        """Cells of the lines above and below the page; known before those are laid out."""
        return self.size.width - 2

    @property
    def _experts(self) -> int:
        """Number of experts; 0 in a dense model."""
        built = None if self._jobs is None else self._jobs.architectures
        return 0 if built is None else built[0].experts

    def enter(self) -> None:
        """Ask what the models are built of, the first time; focus what is shown."""
        if self._jobs is None and self.ui.session is not None:
            self._jobs = ConceptJobs(self._workspace, self.ui.session, self)
        self._turn_to(self._page)

    def leave(self) -> None:
        """Nothing is waited for."""
        if self._jobs is not None:
            self._jobs.stop()

    def on_resize(self, event: Resize) -> None:
        """More lines for details where lines are short."""
        self.set_class(event.size.width < WIDE_FROM, "-narrow")
        self.call_after_refresh(self.show_everything)

    def offers(self, action: Action) -> bool:
        """What the page that is shown can do."""
        match action.id:
            case "concepts.stop":
                return True
            case "concepts.rerun":
                return self._jobs is not None and self._jobs.unfinished
            case "concepts.next_expert" | "concepts.previous_expert":
                return self._experts > 0
            case "concepts.next" | "concepts.previous":
                return bool(self._found.places)
            case "concepts.open":
                return self._page == "found"
            case "concepts.table":
                return self._page in ("plot", "table")
        return self._page != "words"

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
        (self if self._page == "words" else self.query_one(f"#{self._page}")).focus()

    def show_everything(self) -> None:
        """Words, lines, list and plot from the state."""
        if self._jobs is None:
            return
        layer = self._atlas.layer(self._layer)
        if self._page == "words":
            self._show_words(self._jobs)
        elif self._page == "list":
            rows = self._atlas.rows(self._layer)
            self._list.show_layer(layer, rows, self._descriptions)
            self._show_details()
        elif self._page in ("plot", "table"):
            self._show_plot(layer)
        self._show_lines()

    def _show_words(self, jobs: ConceptJobs) -> None:
        shapes, built = jobs.shapes, jobs.architectures
        if built is not None:
            paragraphs = different_shapes(*built)
        elif shapes.problem is not None:
            problem = shapes.problem
            parts = (problem.what, problem.why, problem.remedy, "r runs it again.")
            paragraphs = "\n\n".join(part for part in parts if part)
        elif shapes.stopped:
            paragraphs = "Stopped. r runs it again."
        else:
            paragraphs = "Reading what the models are built of."
        words = self.query_one("#words", Static)
        words.set_class(shapes.problem is not None, "bad")
        words.update("\n".join(self.prose(line) for line in paragraphs.split("\n")))

    def _show_lines(self) -> None:
        """What stands above the page, and how far the computation is."""
        above: Line = []
        built = None if self._jobs is None else self._jobs.architectures
        if built is not None and self._page != "words":
            layer = self._atlas.layer(self._layer)
            above = summary(self._layer, self._expert, layer, built[0].width, self._room)
        self.query_one("#summary", Lines).show(above)
        if self._page == "list":
            heading = self._list.heading(self._names, self.size.width - _SCROLLBAR)
            self.query_one("#columns", Lines).show([(heading, "dim")])
        elif self._page == "table":
            heading = self.query_one(TableList).heading()
            self.query_one("#columns", Lines).show([(heading, "dim")])
        self._show_progress()

    def _show_progress(self) -> None:
        line = [] if self._jobs is None else self._jobs.going_on()
        if not line and self._page != "words" and self._jobs is not None:
            line = [(f"all {self._jobs.current.layers} layers are there", "dim")]
        self.query_one("#progress", Lines).show(line)

    def _show_details(self) -> None:
        """The row under the cursor, in full."""
        line, jobs = self.query_one("#details", Lines), self._jobs
        if jobs is None or jobs.architectures is None:
            return
        shown = details(
            self._atlas.layer(self._layer),
            self._list.row,
            self._descriptions,
            jobs.architectures[0].notes,
            width=self._room,
            height=8 if self.has_class("-narrow") else 6,
            ascii_only=self.ui.settings.ascii,
        )
        line.show(*shown)

    def _show_plot(self, layer: LayerConcepts | None) -> None:
        if layer is None:
            return
        descriptions = self._descriptions or NoDescriptions()
        plot, table = plot_and_table(
            self._plot, layer, self._atlas.layers, self._names, descriptions
        )
        self.query_one(Plot).show(plot)
        self.query_one(TableList).show_table(table)

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
        if kind == "shapes" and step.finished is not None:
            self._begin(jobs)
        elif step.finished is not None:
            self._take_layer(jobs, step.finished)
        elif self._page == "words":
            self._show_words(jobs)
        self._show_progress()
        if self.ui.view is self and not jobs.running:
            self.ui.refresh_lines()

    def _begin(self, jobs: ConceptJobs) -> None:
        """The shapes are known: ask for the layers, if they can be compared."""
        assert jobs.architectures is not None
        if different_shapes(*jobs.architectures):
            self._show_words(jobs)
            return
        self._go_to_expert(0 if self._experts else -1)
        self._turn_to("list")

    def _take_layer(self, jobs: ConceptJobs, number: int) -> None:
        assert jobs.layers is not None
        (layer,) = jobs.layers.results[number]
        assert isinstance(layer, LayerConcepts)
        self._atlas.add(layer)
        if number == self._layer or self._page in ("plot", "table"):
            self.show_everything()

    # Where one is

    def action_layer(self, by: int) -> None:
        """The next (1) or the previous (-1) layer, as often as the key waits to be answered."""
        if self._page == "words" or self._jobs is None or self._jobs.layers is None:
            return
        layer = self._layer + by * (1 + self.ui.take_repeats())
        self._go_to(max(0, min(layer, self._jobs.layers.layers - 1)))

    def _go_to(self, layer: int, row: int | None = None) -> None:
        self._layer = layer
        self.show_everything()
        if row is not None:
            self._list.move_cursor(row)
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(_SETTLED_S, self._want_layer)

    def _want_layer(self) -> None:
        if self._jobs is not None and self._jobs.layers is not None:
            self._jobs.layers.want(self._layer)
            self._show_progress()

    def action_expert(self, by: int) -> None:
        """The next (1) or the previous (-1) expert."""
        if self._experts and self._page != "words":
            self._go_to_expert((self._expert + by) % self._experts)
            self._turn_to("list" if self._page == "found" else self._page)

    def _go_to_expert(self, expert: int) -> None:
        assert self._jobs is not None
        self._expert = expert
        self._atlases.setdefault(expert, ConceptAtlas())
        self._found.places = ()
        self._jobs.turn_to(expert, self._layer)

    # Pages

    @on(ItemList.Chosen, "#found")
    def action_open(self) -> None:
        """From a find to its row."""
        place = self._found.place
        if self._page == "found" and place is not None:
            self._turn_to("list")
            self._go_to(place.layer, place.row)

    def action_plot(self) -> None:
        """The next plot; after the last one the list again."""
        if self._page == "words":
            return
        kinds = plot_kinds(described=self._descriptions is not None)
        if self._page not in ("plot", "table"):
            self._plot = kinds[0]
        elif self._plot == kinds[-1]:
            self._turn_to("list")
            return
        else:
            self._plot = kinds[kinds.index(self._plot) + 1]
        self._turn_to("table" if self._page == "table" else "plot")

    def action_table(self) -> None:
        """From a plot to its numbers and back."""
        if self._page in ("plot", "table"):
            self._turn_to("table" if self._page == "plot" else "plot")

    def action_stop(self) -> None:
        """Back to the list; there stop what runs, or go back to the first view."""
        if self._page in ("plot", "table", "found"):
            self._turn_to("list")
        elif self._jobs is not None and self._jobs.stop():
            self.show_everything()
            self.ui.refresh_lines()
        else:
            self.run_worker(self.ui.action_show_view(0), exit_on_error=False)

    def action_run_again(self) -> None:
        """Run what failed or was stopped."""
        if self._jobs is not None:
            self._jobs.run_again(self._layer)
            self.show_everything()
            self.ui.refresh_lines()

    # Search

    def action_find(self) -> None:
        """Open the search bar."""
        if self._page != "words":
            self.query_one(SearchBar).open()

    @on(SearchBar.Sought)
    def _sought(self, message: SearchBar.Sought) -> None:
        if not message.finished:
            return
        word = message.text.strip()
        places = self._atlas.find(word) if word else []
        if places:
            self._found.show_places(word, places, self._atlas)
            self._turn_to("found")
            return
        self._focus_page()
        if word:
            count = len(self._atlas.layers)
            self.ui.say(f"“{word}” stands in no component of the {count} layers computed so far.")

    def action_find_next(self, direction: int) -> None:
        """Go to the next (1) or the previous (-1) place found."""
        found = self._found
        if not found.places:
            return
        if self._page != "found":
            found.move_cursor((found.cursor + direction) % len(found.places))
        place = found.place
        assert place is not None
        self._turn_to("list")
        self._go_to(place.layer, place.row)
        words = f"{found.cursor + 1} of {len(found.places)} components"
        self.query_one("#progress", Lines).show([(words, "dim")])

    # What leaves the program

    def action_export(self) -> None:
        """The components of all layers computed so far as CSV, or the numbers of the plot."""
        layers, shown = self._atlas.layers, self._atlas.layer(self._layer)
        if not layers:
            self.ui.say("There are no components to export yet.", severity="warning")
            return
        kind, table = "concepts", concepts_table(layers, self._descriptions)
        if self._page in ("plot", "table") and shown is not None:
            descriptions = self._descriptions or NoDescriptions()
            _, table = plot_and_table(self._plot, shown, layers, self._names, descriptions)
            kind = f"concepts-{self._plot}"
        self.run_worker(
            lambda: self._write(kind, table), thread=True, exit_on_error=False, group="export"
        )

    def _write(self, kind: str, table: Table) -> None:
        names = self._workspace.base.name, self._workspace.tuned.name
        try:
            path = free_path(Path.cwd(), "-".join([kind, *names]), ".csv")
            save_csv(table, path)
        except OSError as error:
            words = f"Nothing was exported: {error}"
            self.app.call_from_thread(self.ui.say, words, severity="error")
        else:
            self.app.call_from_thread(self.ui.say, f"Exported to {path}")

    def action_copy(self) -> None:
        """Copy the row under the cursor, or the numbers of the plot."""
        layer, row = self._atlas.layer(self._layer), self._list.row
        if layer is None or row is None:
            self.ui.say("There is nothing to copy yet.", severity="warning")
        elif self._page in ("plot", "table"):
            self.ui.copy(self.query_one(TableList).text())
        else:
            self.ui.copy(copied_text(layer, row, self._names, self._descriptions))
