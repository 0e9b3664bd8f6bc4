"""The pages of the Concepts view: a layer's components, or a plot or finds in their place."""

from __future__ import annotations

from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Static

from analysis.concepts.result import LayerConcepts
from analysis.concepts.tables import Descriptions
from analysis.problems import ProblemError
from app.frame.actions import Action
from app.frame.layer_view import LayerView
from app.known_descriptions import KnownDescriptions
from app.views.concepts.atlas import ConceptAtlas
from app.views.concepts.found import FoundConcepts
from app.views.concepts.jobs import ConceptJobs
from app.views.concepts.page import ConceptPage
from app.views.concepts.plot_page import ConceptPlotPage
from app.views.concepts.text import UNLIKE, summary
from app.widgets.lines import Line, Lines
from app.widgets.search_bar import SearchBar


class Wanted(NamedTuple):
    """A component that another view speaks of; see `ConceptPages.show_component`."""

    layer: int
    component: int
    side: int
    expert: int


class ConceptPages(LayerView[ConceptJobs]):
    """The state of the view and what shows it; `concepts.ConceptsView` adds what keys do."""

    PAGES = ("words", "list", "plot", "found")
    UNLIKE = UNLIKE
    FOUND = "components"

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._atlases: dict[int, ConceptAtlas] = {-1: ConceptAtlas()}
        self._layer = 0
        self._expert = -1
        self._descriptions: Descriptions | None = None
        self._known: KnownDescriptions | None = None
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

    @property
    def _part(self) -> int:
        return self._layer

    def on_resize(self, event: Resize) -> None:
        """A longer or a shorter wording above."""
        self._show_summary()

    def offers(self, action: Action) -> bool:
        """What the page that is shown can do."""
        match action.id:
            case "concepts.stop":
                return True
            case "concepts.rerun":
                return self._jobs is not None and self._jobs.unfinished is not None
            case "concepts.next_expert" | "concepts.previous_expert":
                return self._experts > 0
            case "concepts.next" | "concepts.previous":
                return bool(self._found.places)
            case "concepts.open":
                return self._page == "found"
            case "concepts.table":
                return self._page == "plot"
        return self._page != "words"

    def _focus_shown(self) -> None:
        match self._page:
            case "list":
                self._concepts.items.focus()
            case "plot":
                self._plots.focus_shown()
            case "found":
                self._found.focus()

    def _show_page(self, jobs: ConceptJobs) -> None:
        shown, descriptions = self._shown, self._descriptions
        if self._page == "list" and jobs.architectures is not None:
            rows, notes = self._atlas.rows(self._layer), jobs.architectures[0].notes
            self._concepts.show(shown, rows, descriptions, self._names, notes)
        elif self._page == "plot":
            self._plots.show(shown, self._atlas.layers, descriptions, self._names)
        self._show_summary()

    def _show_summary(self) -> None:
        above: Line = []
        built = None if self._jobs is None else self._jobs.architectures
        if built is not None and self._page != "words":
            width = self.size.width - 2
            above = summary(self._layer, self._expert, self._shown, built[0].width, width)
        self.query_one("#summary", Lines).show(above)

    def _progress(self) -> Line:
        if not self.ui.came_by_link(self):
            return super()._progress()
        # Escape leads back first, and stops nothing.
        return self._going_on()[:1] or self._all_there()

    # News of the requests

    def _ask(self) -> ConceptJobs:
        assert self.ui.session is not None
        return ConceptJobs(self._workspace, self.ui.session, self)

    def _begin(self, jobs: ConceptJobs) -> None:
        try:
            self._known = KnownDescriptions(self.ui.settings.annotation)
        except ProblemError as error:
            self.ui.say(str(error), severity="warning")
        self._go_to_expert(0 if self._experts else -1)
        self._turn_to("list")
        self._show_wanted()

    def _take_part(self, jobs: ConceptJobs, part: int) -> None:
        assert jobs.parts is not None
        (layer,) = jobs.parts.results[part]
        self._atlas.add(layer)
        if self._known is not None:
            self._known.take(layer)
            if self._known:
                self._descriptions = self._known
        if part == self._layer or self._page == "plot":
            self.show_everything()
        if self._wanted is not None and self._wanted.layer == part == self._layer:
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

    def _go_to(self, layer: int, row: int | None = None) -> None:
        self._layer = layer
        self.show_everything()
        if row is not None:
            self._concepts.items.move_cursor(row)
        self._settle()

    def _go_to_expert(self, expert: int) -> None:
        assert self._jobs is not None
        self._expert = expert
        self._atlases.setdefault(expert, ConceptAtlas())
        self._found.places = ()
        self._jobs.turn_to(expert, self._layer)
