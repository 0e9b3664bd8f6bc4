"""The Heads view: each head's word pairs, and how tuning changed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static

from analysis.heads.gather import head_ask, layer_asks
from analysis.heads.result import HeadPairs, NeuronPairs
from analysis.heads.tables import (
    neuron_changes_table,
    neuron_pairs_table,
    pairs_table,
    summary_table,
)
from analysis.request import Ask
from app.frame.action import Action
from app.frame.actions import bindings
from app.frame.export import Tables
from app.frame.layer_view import LayerView
from app.frame.twin import Value
from app.jobs.pair_jobs import PairJobs
from app.links import HeadLink, Link
from app.views.heads.atlas import HeadAtlas, places_table
from app.views.heads.layer import HeadLayer
from app.views.heads.neuron_page import NeuronPage
from app.views.heads.page import FoundHeads, HeadPage
from app.views.heads.text import HELP, UNLIKE, copied_text, rests_on, status_lines
from app.views.heads.verb_page import VerbPage
from app.widgets.head_map import HeadMap, blank_map, levels_of
from app.widgets.item_list import ItemList
from app.widgets.lines import Line, Lines
from app.widgets.search_bar import SearchBar
from app.widgets.token_face import TokenFace

BOTH_FROM_WIDTH = 100


class HeadJobs(PairJobs):
    """Parts are layers of heads; the opened thing is one head's neuron pairs."""

    UNLIKE = UNLIKE

    @property
    def neuron_pairs(self) -> tuple[NeuronPairs, NeuronPairs] | None:
        """The open head of the base and the tuned model; None until both are there."""
        return None if self.opened is None else self.opened.both(0)

    def planned(self) -> list[Ask[HeadPairs]]:
        """All layers; one without heads is asked nothing."""
        assert self.architectures is not None
        work, built = self._workspace, self.architectures[0]
        asks = layer_asks(work.pair, range(built.layers), work.words, work.vectors)
        for gap in built.without_heads:
            asks[gap.layer] = replace(asks[gap.layer], requests=())
        return asks

    def begin_layers(self) -> None:
        """Request all layers that have heads, the first one first."""
        self.parts = self._jobs(self.planned())
        self.parts.run(0)

    def why_no_heads(self, layer: int) -> str:
        """Why a layer has no heads, after its number; empty if it has some."""
        assert self.architectures is not None
        gaps = self.architectures[0].without_heads
        return next((gap.why for gap in gaps if gap.layer == layer), "")

    def open_head(self, layer: int, head: int) -> None:
        """Request a head's neuron pairs, cancelling those of another head."""
        work = self._workspace
        self._open(head_ask(work.pair, layer, head, work.words, work.vectors))


class HeadsView(LayerView[HeadJobs]):
    """From the map to a head to its neuron pairs; plus search results and verbs."""

    SCOPE = "heads"
    HELP = HELP
    ANSWERS = frozenset({"verbs", "export", "copy"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("heads")
    PAGES = ("words", "map", "head", "neurons", "found", "verbs")
    FOUND = "heads"
    TWINS: ClassVar[Mapping[str, str]] = {
        "map": "heads --summary {models} {vocab} {vectors}",
        "head": "heads --layers {layer} {models} {vocab} {vectors}",
        "neurons": "heads --layers {layer} --head {head} {models} {vocab} {vectors}",
        "verbs": "heads --verbs {models} {vocab} {vectors}",
        "found": "heads {models} {vocab} {vectors}",
    }

    class Compared(Message):
        """A layer's heads were compared."""

        def __init__(self, layer: HeadLayer) -> None:
            super().__init__()
            self.layer = layer

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._atlas = HeadAtlas(0, 0)
        self._side = 1
        self._wanted: HeadLink | None = None

    def compose(self) -> ComposeResult:
        ascii_only = self.ui.settings.ascii
        with Horizontal(id="content"):
            yield Static("", id="words", markup=False)
            yield HeadMap(ascii_only=ascii_only, follow=self._moved, id="map")
            yield HeadPage(ascii_only=ascii_only, id="page")
            yield NeuronPage(ascii_only=ascii_only, id="neuron-page")
            yield FoundHeads(ascii_only=ascii_only, id="found")
            yield VerbPage(ascii_only=ascii_only, id="verbs")
        yield SearchBar("a word to find in the pairs of all heads", id="search", filters=True)
        yield Lines(id="progress")
        yield Lines(id="status")

    @property
    def _map(self) -> HeadMap:
        return self.query_one("#map", HeadMap)

    @property
    def _found(self) -> FoundHeads:
        return self.query_one("#found", FoundHeads)

    @property
    def _part(self) -> int:
        return self._map.cursor[0]

    def on_resize(self, event: Resize) -> None:
        """Show the map alone if map and head do not fit side by side."""
        self.set_class(event.size.width < BOTH_FROM_WIDTH, "-narrow")
        self._fit_map()
        self.call_after_refresh(self._show_head)

    def _fit_map(self) -> None:
        """Give the map the room its heads need, and the rest to the page."""
        labels_and_frame, heads = 8, self._map.map.shape[1]
        wanted = min(labels_and_frame + 2 * max(8, heads), max(20, self.size.width // 2))
        self._map.styles.width = None if self.has_class("-narrow") else wanted

    def offers(self, action: Action) -> bool:
        match action.id:
            case "heads.rerun":
                return self._jobs is not None and self._jobs.unfinished is not None
            case "heads.swap":
                return self._page == "neurons"
            case "heads.next" | "heads.previous":
                return bool(self._found.places)
            case "heads.open":
                return self._page in ("map", "head", "found")
            case "heads.stop":
                return True
        return self._page != "words"

    def _focus_shown(self) -> None:
        match self._page:
            case "map":
                self._map.focus()
            case "head":
                self.query_one(HeadPage).focus_first()
            case "neurons":
                self.query_one(NeuronPage).focus_list()
            case "found":
                self._found.focus()
            case "verbs":
                self.query_one(VerbPage).focus_shown()

    def _progress(self) -> Line:
        # On a page behind the map escape goes back first and stops nothing.
        return super()._progress() if self._page in ("words", "map") else self._going_on()[:1]

    def _all_there(self) -> Line:
        return super()._all_there() if len(self._atlas.layers) == self._atlas.count else []

    def _show_page(self, jobs: HeadJobs) -> None:
        self._show_head()

    def _show_neurons(self) -> None:
        assert self._jobs is not None
        page = self.query_one(NeuronPage)
        page.show(self._jobs.neuron_pairs, self._side, self._names[self._side])

    def _show_head(self) -> None:
        status, jobs = self.query_one("#status", Lines), self._jobs
        status.display = self._page in ("map", "head", "neurons")
        if jobs is None or jobs.parts is None:
            return
        place = self._map.cursor
        comparison, layer = self._atlas.head(*place), self._atlas.layer(place[0])
        self.query_one(HeadPage).show(comparison)
        lines = status_lines(
            place,
            comparison,
            None if layer is None else layer.both,
            rests_on(self.pair.words, self.pair.vectors),
            # The lines may have been hidden, without a width; they have a blank at each end.
            width=self.size.width - 2,
            ascii_only=self.ui.settings.ascii,
            why_not=jobs.why_no_heads(place[0]),
        )
        status.show(*lines)

    def _twin_values(self) -> Mapping[str, Value]:
        layer, head = self._map.cursor
        return {"layer": layer, "head": head}

    # News of the requests

    def _ask(self) -> HeadJobs:
        assert self.session is not None
        return HeadJobs(self.pair, self.session, self)

    def _begin(self, jobs: HeadJobs) -> None:
        assert jobs.architectures is not None
        base, _ = jobs.architectures
        self._atlas = HeadAtlas(base.layers - len(base.without_heads), base.layers)
        self._map.show(blank_map(base.layers, max(1, base.heads)))
        self._fit_map()
        jobs.begin_layers()
        self._turn_to("map")
        if self._wanted is not None:
            self.open(self._wanted)

    def _take_part(self, jobs: HeadJobs, part: int) -> None:
        """Compare a layer's heads on a thread: thousands of word pairs per head."""
        assert jobs.parts is not None
        both = jobs.parts.both(part)
        assert both is not None

        def compare() -> None:
            self.post_message(self.Compared(HeadLayer(*both)))

        self.run_worker(compare, thread=True, group="compare")

    def _take_opened(self, jobs: HeadJobs) -> None:
        if self._page == "neurons":
            self._show_neurons()

    @on(Compared)
    def _take_layer(self, message: Compared) -> None:
        layer = message.layer
        self._atlas.add(layer)
        self._map.update_layer(layer.number, levels_of(layer.change))
        self._show_progress()
        if layer.number == self._map.cursor[0]:
            self._show_head()

    def _moved(self, message: TokenFace.CursorMoved) -> None:
        self._show_head()
        self._settle()

    def _go_to(self, layer: int, head: int) -> None:
        self._map.move_cursor(layer, head)
        self._want_layer()

    def open(self, link: Link) -> None:
        """Open a head that another view links to, once the models' shapes are known."""
        if not isinstance(link, HeadLink):
            return
        self._wanted = link
        if self._page != "words":
            self._wanted = None
            self._go_to(link.layer, link.head)
            self._turn_to("head")

    @on(ItemList.Chosen)
    def _chosen(self, message: ItemList.Chosen) -> None:
        self.action_open()

    def action_open(self) -> None:
        if self._page == "map":
            self._turn_to("head")
        elif self._page == "head" and self._atlas.head(*self._map.cursor) is not None:
            assert self._jobs is not None
            self._jobs.open_head(*self._map.cursor)
            self._show_neurons()
            self._turn_to("neurons")
        elif self._page == "found" and self._found.places:
            self._go_to_found()

    def action_swap(self) -> None:
        self._side = 1 - self._side
        self._show_neurons()

    def action_verbs(self) -> None:
        atlas = self._atlas
        base, tuned, layers = atlas.of_model(0), atlas.of_model(1), atlas.depth
        if not base:
            self.ui.say("There is no layer to count verbs in yet.", severity="warning")
            return
        self.query_one(VerbPage).count(base, tuned, layers)
        self._turn_to("verbs")

    def _back(self) -> bool:
        if self._page == "neurons":
            self._turn_to("head")
        elif self._page == "head" and self.ui.came_by_link(self):
            self.go_back()
        elif self._page in ("head", "found", "verbs"):
            self._turn_to("map")
        else:
            return False
        return True

    def _find(self, word: str) -> str:
        places, layers = self._atlas.find(word), f"{len(self._atlas.layers)} layers"
        if not places:
            return f"No head of the {layers} computed so far pairs “{word}”."
        self._found.list_places(word, places, f"{len(places)} heads of {layers}")
        return ""

    def _go_to_found(self) -> None:
        place = self._found.place
        assert place is not None
        self._go_to(place.layer, place.head)
        self._turn_to("map" if self._page == "map" else "head")

    def action_export(self) -> None:
        """Export what is shown as CSV; of the map, all word pairs and changes so far."""
        base, tuned = self._atlas.of_model(0), self._atlas.of_model(1)
        verbs = self.query_one(VerbPage).table if self._page == "verbs" else None
        neurons = None if self._jobs is None else self._jobs.neuron_pairs
        word, places = self._found.word, self._found.places
        if not base:
            self.ui.say("There are no pairs to export yet.", severity="warning")
        elif verbs is not None:
            self.export_table(verbs.table, "verbs", *self._models)
        elif self._page == "found":
            self.export_table(lambda: places_table(word, places), "heads-word", *self._models)
        elif self._page == "neurons" and neurons is not None:
            tables: Tables = {
                "neuron-pairs": lambda: neuron_pairs_table(neurons),
                "neuron-changes": lambda: neuron_changes_table(*neurons),
            }
            self.export_tables(tables, *self._models)
        else:
            tables = {
                "heads": lambda: pairs_table(base, tuned),
                "heads-changes": lambda: summary_table(base, tuned),
            }
            self.export_tables(tables, *self._models)

    def action_copy(self) -> None:
        place = self._map.cursor
        comparison = self._atlas.head(*place)
        if self._page == "neurons" and (text := self.query_one(NeuronPage).text()):
            self.ui.copy(text)
        elif comparison is None:
            self.ui.say("There is nothing to copy yet.", severity="warning")
        else:
            names = self._models
            about = rests_on(self.pair.words, self.pair.vectors)
            self.ui.copy(copied_text(place, comparison, names, about))
