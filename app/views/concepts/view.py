"""The Concepts view: what the feed-forward networks write, and what tuning changed in it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.events import Resize
from textual.timer import Timer
from textual.widgets import Static

from analysis.concept_tables import Descriptions, concepts_table
from analysis.events import EngineStatus
from analysis.problems import ProblemError
from analysis.results import LayerConcepts
from analysis.table import Table
from app.actions import Action, bindings
from app.export import free_path, save_csv
from app.known_descriptions import KnownDescriptions
from app.views.concepts.atlas import ConceptAtlas
from app.views.concepts.found import FoundConcepts
from app.views.concepts.jobs import ConceptJobs
from app.views.concepts.page import ConceptPage
from app.views.concepts.plot_page import ConceptPlotPage
from app.views.concepts.text import HELP, copied_text, different_shapes, going_wrong, summary
from app.views.model_names import short_names
from app.views.view import View
from app.watch import Watch
from app.widgets.item_list import ItemList
from app.widgets.lines import Line, Lines
from app.widgets.search_bar import SearchBar
from app.workspace import PairWorkspace

Page = Literal["words", "list", "plot", "found"]
PAGES: tuple[Page, ...] = ("words", "list", "plot", "found")
# A layer that is only passed is not computed.
_SETTLED_S = 0.4


class Wanted(NamedTuple):
    """A component that another view speaks of; see `ConceptsView.show_component`."""

    layer: int
    component: int
    side: int
    expert: int


class ConceptsView(View):
    """A layer's components as a list, or a plot, a table or finds in its place."""

    SCOPE = "concepts"
    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings("concepts")

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._page: Page = "words"
        self._jobs: ConceptJobs | None = None
        self._atlases: dict[int, ConceptAtlas] = {-1: ConceptAtlas()}
        self._layer = 0
        self._expert = -1
        self._descriptions: Descriptions | None = None
        self._known: KnownDescriptions | None = None
        self._settling: Timer | None = None
        self._wanted: Wanted | None = None

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
        with Container(id="content"):
            yield Static("", id="words", markup=False)
            yield ConceptPage(ascii_only=ascii_only, id="page")
            yield ConceptPlotPage(ascii_only=ascii_only, id="plot-page")
            yield FoundConcepts(ascii_only=ascii_only, id="found")
        yield SearchBar("a word to find in the components of all layers", id="search")
        yield Lines(id="progress")

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
    def _shown(self) -> LayerConcepts | None:
        """The layer that is looked at; None where it is not there yet."""
        return self._atlas.layer(self._layer)

    @property
    def _concepts(self) -> ConceptPage:
        return self.query_one(ConceptPage)

    @property
    def _plots(self) -> ConceptPlotPage:
        return self.query_one(ConceptPlotPage)

    @property
    def _found(self) -> FoundConcepts:
        return self.query_one("#found", FoundConcepts)

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
        """A longer or a shorter wording above."""
        self._show_summary()

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
                return self._page == "plot"
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
        match self._page:
            case "words":
                self.focus()
            case "list":
                self._concepts.items.focus()
            case "plot":
                self._plots.focus_shown()
            case "found":
                self._found.focus()

    def show_everything(self) -> None:
        """Words, lines, list and plot from the state."""
        jobs = self._jobs
        if jobs is None:
            return
        shown, descriptions = self._shown, self._descriptions
        if self._page == "words":
            self._show_words(jobs)
        elif self._page == "list" and jobs.architectures is not None:
            rows, notes = self._atlas.rows(self._layer), jobs.architectures[0].notes
            self._concepts.show(shown, rows, descriptions, self._names, notes)
        elif self._page == "plot":
            self._plots.show(shown, self._atlas.layers, descriptions, self._names)
        self._show_summary()
        self._show_progress()

    def _show_words(self, jobs: ConceptJobs) -> None:
        built, problem = jobs.architectures, jobs.shapes.problem
        paragraphs = (
            going_wrong(problem, stopped=jobs.shapes.stopped)
            if built is None
            else different_shapes(*built)
        )
        words = self.query_one("#words", Static)
        words.set_class(problem is not None, "bad")
        words.update("\n".join(self.prose(line) for line in paragraphs.split("\n")))

    def _show_summary(self) -> None:
        above: Line = []
        built = None if self._jobs is None else self._jobs.architectures
        if built is not None and self._page != "words":
            width = self.size.width - 2
            above = summary(self._layer, self._expert, self._shown, built[0].width, width)
        self.query_one("#summary", Lines).show(above)

    def _show_progress(self) -> None:
        line = [] if self._jobs is None else self._jobs.going_on()
        if self.ui.came_by_link(self):
            # Escape leads back first.
            line = line[:1]
        if not line and self._page != "words" and self._jobs is not None:
            line = [(f"all {self._jobs.current.layers} layers are there", "dim")]
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
        try:
            self._known = KnownDescriptions(self.ui.settings.annotation)
        except ProblemError as error:
            self.ui.say(str(error), severity="warning")
        self._go_to_expert(0 if self._experts else -1)
        self._turn_to("list")
        self._show_wanted()

    def _take_layer(self, jobs: ConceptJobs, number: int) -> None:
        assert jobs.layers is not None
        (layer,) = jobs.layers.results[number]
        assert isinstance(layer, LayerConcepts)
        self._atlas.add(layer)
        if self._known is not None:
            self._known.take(layer)
            if self._known:
                self._descriptions = self._known
        if number == self._layer or self._page == "plot":
            self.show_everything()
        if self._wanted is not None and self._wanted.layer == number == self._layer:
            self._show_wanted()

    # Where one is

    def show_component(
        self, layer: int, component: int, *, side: int = 0, expert: int = -1
    ) -> None:
        """Go to a component that another view speaks of, as soon as its layer is there.

        Args:
            layer: From 0.
            component: Rank in the layer, from 0.
            side: The base model's component (0) or the tuned model's (1).
            expert: From 0; -1 for a dense layer.
        """
        self._wanted = Wanted(layer, component, side, expert)
        self._show_wanted()

    def _show_wanted(self) -> None:
        wanted = self._wanted
        if wanted is None or self._page == "words":
            return
        if self._experts and wanted.expert not in (-1, self._expert):
            self._go_to_expert(wanted.expert)
        rows = self._atlas.rows(wanted.layer)
        found = (
            number
            for number, row in enumerate(rows)
            if (row.base, row.tuned)[wanted.side] == wanted.component
        )
        self._turn_to("list")
        self._go_to(wanted.layer, next(found, None))
        if rows:
            self._wanted = None

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
            self._concepts.items.move_cursor(row)
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
        if self._page == "plot":
            more = self._plots.next(described=self._descriptions is not None)
            self._turn_to("plot" if more else "list")
        elif self._page != "words":
            self._plots.first()
            self._turn_to("plot")

    def action_table(self) -> None:
        """From a plot to its numbers and back."""
        if self._page == "plot":
            self._plots.swap()

    def action_stop(self) -> None:
        """Back to the list; there back to the link that led here, or stop what runs, or leave."""
        if self._page in ("plot", "found"):
            self._turn_to("list")
        elif self._page == "list" and self.ui.came_by_link(self):
            self.run_worker(self.ui.go_back(self), exit_on_error=False)
        elif self._jobs is not None and self._jobs.stop():
            self.show_everything()
            self.ui.refresh_lines()
        else:
            self.run_worker(self.ui.go_back(self), exit_on_error=False)

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
        layers, plots = self._atlas.layers, self._plots
        if not layers:
            self.ui.say("There are no components to export yet.", severity="warning")
        elif self._page == "plot" and plots.table is not None:
            self._export(plots.table, f"concepts-{plots.kind}")
        else:
            self._export(concepts_table(layers, self._descriptions), "concepts")

    def _export(self, table: Table, kind: str) -> None:
        names = self._workspace.base.name, self._workspace.tuned.name

        def write() -> None:
            try:
                path = free_path(Path.cwd(), "-".join([kind, *names]), ".csv")
                save_csv(table, path)
            except OSError as error:
                words = f"Nothing was exported: {error}"
                self.app.call_from_thread(self.ui.say, words, severity="error")
            else:
                self.app.call_from_thread(self.ui.say, f"Exported to {path}")

        self.run_worker(write, thread=True, exit_on_error=False, group="export")

    def action_copy(self) -> None:
        """Copy the row under the cursor, or the numbers of the plot."""
        layer, row = self._shown, self._concepts.items.row
        if self._page == "words" or layer is None:
            self.ui.say("There is nothing to copy yet.", severity="warning")
        elif self._page == "plot":
            self.ui.copy(self._plots.text())
        elif row is not None:
            self.ui.copy(copied_text(layer, row, self._names, self._descriptions))
