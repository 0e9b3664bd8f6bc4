"""The Concepts view: what feed-forward networks write, and how tuning changed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Static

from analysis.concepts.gather import concept_asks, places_of
from analysis.concepts.result import LayerConcepts
from analysis.concepts.tables import Descriptions, concepts_table, rotation_table
from analysis.problems import ProblemError
from analysis.request import Ask
from app.frame.action import Action
from app.frame.actions import bindings
from app.frame.export import Tables
from app.frame.layer_view import LayerView
from app.frame.twin import Value
from app.jobs.layer_jobs import LayerJobs
from app.jobs.pair_jobs import PairJobs
from app.known_descriptions import KnownDescriptions
from app.links import ComponentLink, Link
from app.terminal.colours import palette_of
from app.views.concepts.atlas import ConceptAtlas
from app.views.concepts.component_list import FoundConcepts
from app.views.concepts.page import ConceptPage
from app.views.concepts.plot_page import ConceptPlotPage
from app.views.concepts.text import HELP, UNLIKE, copied_text, headline, legend, summary
from app.widgets.item_list import ItemList
from app.widgets.lines import Line, Lines
from app.widgets.scaled_lines import ScaledLines
from app.widgets.search_bar import SearchBar

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.session.drive import Answerer
    from app.workspace import PairWorkspace


class ConceptJobs(PairJobs):
    """The parts are the layers of one expert, or of a dense model."""

    UNLIKE = UNLIKE

    def __init__(self, workspace: PairWorkspace, session: Answerer, listener: MessagePump) -> None:
        super().__init__(workspace, session, listener)
        self._of_expert: dict[int, LayerJobs[LayerConcepts]] = {}

    def planned(self) -> list[Ask[LayerConcepts]]:
        """The layers of the first expert, or of a dense model."""
        assert self.architectures is not None
        built = self.architectures[0]
        return self._asks_of(0 if built.experts else -1)

    def _asks_of(self, expert: int) -> list[Ask[LayerConcepts]]:
        """A layer each; one without a network is asked nothing."""
        assert self.architectures is not None
        work, built = self._workspace, self.architectures[0]
        places = places_of(built, expert)
        # The expert is named elsewhere.
        asks = [Ask[LayerConcepts](f"layer {number}", ()) for number in range(built.layers)]
        wanted = concept_asks(work.pair, places, work.words)
        for (number, _), ask in zip(places, wanted, strict=True):
            asks[number] = replace(ask, name=f"layer {number}")
        return asks

    def turn_to(self, expert: int, layer: int) -> None:
        """Request an expert's layers (-1: dense model), this one first; pauses other experts."""
        if self.parts is not None:
            self.parts.stop()
        if expert not in self._of_expert:
            self._of_expert[expert] = self._jobs(self._asks_of(expert))
        self.parts = self._of_expert[expert]
        self.parts.run(layer)


class ConceptsView(LayerView[ConceptJobs]):
    """Layers as lists and plots, and search results."""

    SCOPE = "concepts"
    HELP = HELP
    ANSWERS = frozenset({"export", "copy"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("concepts")
    PAGES = ("words", "list", "plot", "found")
    FOUND = "components"
    TWINS: ClassVar[Mapping[str, str]] = {
        "list": "concepts --layers {layer} {models} {vocab}",
        "plot": "concepts {models} {vocab}",
        "found": "concepts {models} {vocab}",
    }

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._atlases: dict[int, ConceptAtlas] = {-1: ConceptAtlas()}
        self._layer = 0
        self._expert = -1
        self._descriptions: Descriptions | None = None
        self._known: KnownDescriptions | None = None
        self._wanted: ComponentLink | None = None

    def describe(self, descriptions: Descriptions | None) -> None:
        """Show these descriptions from now on; None for no descriptions."""
        self._descriptions = descriptions
        if self.is_mounted:
            self.show_everything()

    def compose(self) -> ComposeResult:
        ascii_only = self.ui.settings.ascii
        yield Lines(id="headline")
        yield Lines(id="summary")
        with Container(id="content"):
            yield Static("", id="words", markup=False)
            yield ConceptPage(ascii_only=ascii_only, id="page")
            yield ConceptPlotPage(ascii_only=ascii_only, id="plot-page")
            yield FoundConcepts(ascii_only=ascii_only, id="found")
        yield ScaledLines(id="legend")
        yield SearchBar("a word to find in the components of all layers", id="search", filters=True)
        yield Lines(id="progress")

    @property
    def _atlas(self) -> ConceptAtlas:
        return self._atlases[self._expert]

    @property
    def _shown(self) -> LayerConcepts | None:
        """The current layer; None if not computed yet."""
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
        self._show_summary()

    def offers(self, action: Action) -> bool:
        match action.id:
            case "concepts.stop":
                return True
            case "concepts.rerun":
                return self._jobs is not None and self._jobs.unfinished is not None
            case "concepts.next_expert" | "concepts.previous_expert":
                return self._experts > 0 and self._page != "words"
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
            self._concepts.show(shown, rows, descriptions, notes)
            depth = jobs.architectures[0].layers
            self._concepts.show_layers(self._atlas.angles, depth, self._layer)
        elif self._page == "plot":
            self._plots.show(shown, self._atlas.layers, descriptions, self._names)
        self._show_summary()

    def _show_summary(self) -> None:
        above: Line = []
        built = None if self._jobs is None else self._jobs.architectures
        if built is not None and self._page != "words":
            width = self.size.width - 2
            gaps = (each.why for each in built[0].without_network if each.layer == self._layer)
            about = self._layer, self._expert, self._shown, built[0].width, width
            above = summary(*about, next(gaps, ""))
        self.query_one("#summary", Lines).show(above)
        parts = None if self._jobs is None else self._jobs.parts
        if parts is None or self._page == "words":
            return
        angles = self._atlas.angles
        done = len(parts.results)
        so_far = "" if done == parts.asked else f" So far: {done} of {parts.asked} layers."
        said = headline(angles, so_far, self.size.width - 2)
        self.query_one("#headline", Lines).show(said)
        meaning = legend(self._shown, palette_of(self.app), ascii_only=self.ui.settings.ascii)
        self.query_one("#legend", ScaledLines).show(meaning)

    def _progress(self) -> Line:
        if not (self._is_behind or self._page == "found" or self.ui.came_by_link(self)):
            return super()._progress()
        # Escape goes back first and stops nothing.
        return self._going_on()[:1] or self._all_there()

    def _twin_values(self) -> Mapping[str, Value]:
        return {"layer": self._layer}

    # News of the requests

    def _ask(self) -> ConceptJobs:
        assert self.session is not None
        return ConceptJobs(self.pair, self.session, self)

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
        else:
            self._show_summary()
            self._concepts.show_layers(self._atlas.angles, jobs.parts.layers, self._layer)
        if self._wanted is not None and self._wanted.layer == part == self._layer:
            self._show_wanted()

    def open(self, link: Link) -> None:
        """Go to a component that another view links to, once its layer is there."""
        if isinstance(link, ComponentLink):
            self._wanted, self._landed = link, None
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
            self._concepts.items.move_to_row(row)
        self._settle()

    def _go_to_expert(self, expert: int) -> None:
        assert self._jobs is not None
        self._expert = expert
        self._atlases.setdefault(expert, ConceptAtlas())
        self._found.places = ()
        self._jobs.turn_to(expert, self._layer)

    def action_layer(self, by: int) -> None:
        assert self._jobs is not None
        assert self._jobs.parts is not None
        layer = self._layer + by * (1 + self.ui.take_repeats())
        self._go_to(max(0, min(layer, self._jobs.parts.layers - 1)))

    def action_expert(self, by: int) -> None:
        self._go_to_expert((self._expert + by) % self._experts)
        self._turn_to("list" if self._page == "found" else self._page)

    @on(ItemList.Chosen, "#found")
    def action_open(self) -> None:
        self._follow_found()

    def action_plot(self) -> None:
        """Show the next plot; the list follows the last one."""
        if self._page == "plot":
            more = self._plots.next(described=self._descriptions is not None)
            self._turn_to("plot" if more else "list")
        else:
            self._plots.first()
            self._turn_to("plot")

    def action_table(self) -> None:
        self._plots.swap()

    def _back(self) -> bool:
        if super()._back():
            return True
        if self._page in ("plot", "found"):
            self._turn_to("list")
        elif self._page == "list" and self.ui.came_by_link(self):
            self.go_back()
        else:
            return False
        return True

    def _find(self, word: str) -> str:
        places = self._atlas.find(word)
        if not places:
            count = len(self._atlas.layers)
            return f"“{word}” stands in no component of the {count} layers computed so far."
        self._found.show_places(word, places, self._atlas)
        return ""

    def _go_to_found(self) -> None:
        place = self._found.place
        assert place is not None
        self._turn_to("list")
        self._go_to(place.layer, place.row)

    def action_export(self) -> None:
        """Export all layers' components so far, the plot's numbers or what was found, as CSV."""
        layers, plots, found = self._atlas.layers, self._plots, self._found
        if not layers:
            self.ui.say("There are no components to export yet.", severity="warning")
        elif self._page == "plot" and plots.table is not None:
            table = plots.table
            self.export_table(lambda: table, f"concepts-{plots.kind}", *self._models)
        elif self._page == "found":
            places = self._atlas.places_table(found.word, found.places)
            self.export_table(lambda: places, "concepts-word", *self._models)
        else:
            descriptions = self._descriptions
            tables: Tables = {
                "concepts": lambda: concepts_table(layers, descriptions),
                "concepts-rotation": lambda: rotation_table(layers),
            }
            self.export_tables(tables, *self._models)

    def action_copy(self) -> None:
        layer, row = self._shown, self._concepts.items.row
        if self._page == "words" or layer is None:
            self.ui.say("There is nothing to copy yet.", severity="warning")
        elif self._page == "plot":
            self.ui.copy(self._plots.text())
        elif row is not None:
            self.ui.copy(copied_text(layer, row, self._names, self._descriptions))
