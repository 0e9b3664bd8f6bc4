"""The pages of the Heads view: the map and the head under its cursor, and those behind them."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static

from app.frame.actions import Action
from app.frame.layer_view import LayerView
from app.views.heads.atlas import HeadAtlas
from app.views.heads.found import FoundHeads
from app.views.heads.jobs import HeadJobs
from app.views.heads.layer import HeadLayer
from app.views.heads.neuron_page import NeuronPage
from app.views.heads.page import HeadPage
from app.views.heads.text import UNLIKE, rests_on, status_lines
from app.views.heads.verb_page import VerbPage
from app.widgets.head_map import HeadMap, blank_map, levels_of
from app.widgets.lines import Line, Lines
from app.widgets.search_bar import SearchBar
from app.widgets.token_face import TokenFace

BOTH_FROM_WIDTH = 100


class HeadPages(LayerView[HeadJobs]):
    """The state of the view and what shows it; `heads.HeadsView` adds what keys do."""

    PAGES = ("words", "map", "head", "neurons", "found", "verbs")
    UNLIKE = UNLIKE
    FOUND = "heads"

    class Compared(Message):
        """The heads of a layer were compared."""

        def __init__(self, layer: HeadLayer) -> None:
            super().__init__()
            self.layer = layer

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._atlas = HeadAtlas(0)
        self._side = 1
        self._wanted: tuple[int, int] | None = None

    # What is on the screen

    def compose(self) -> ComposeResult:
        """The pages, of which one or two are shown; lines on what is going on below."""
        ascii_only = self.ui.settings.ascii
        with Horizontal(id="content"):
            yield Static("", id="words", markup=False)
            yield HeadMap(ascii_only=ascii_only, follow=self._moved, id="map")
            yield HeadPage(ascii_only=ascii_only, id="page")
            yield NeuronPage(ascii_only=ascii_only, id="neuron-page")
            yield FoundHeads(ascii_only=ascii_only, id="found")
            yield VerbPage(id="verbs")
        yield SearchBar("a word to find in the pairs of all heads", id="search")
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
        """The map alone where map and head do not fit side by side."""
        self.set_class(event.size.width < BOTH_FROM_WIDTH, "-narrow")
        self._fit_map()
        self.call_after_refresh(self._show_head)

    def _fit_map(self) -> None:
        """Give the map the room its heads want, and the rest to the page."""
        labels_and_frame, heads = 8, self._map.map.shape[1]
        wanted = min(labels_and_frame + 2 * max(8, heads), max(20, self.size.width // 2))
        self._map.styles.width = None if self.has_class("-narrow") else wanted

    def offers(self, action: Action) -> bool:
        """What the page that is shown can do."""
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
                self.query_one(VerbPage).focus()

    def _progress(self) -> Line:
        # From a page behind the map escape leads back first, and stops nothing.
        return super()._progress() if self._page in ("words", "map") else self._going_on()[:1]

    def _all_there(self) -> Line:
        return super()._all_there() if len(self._atlas.layers) == self._atlas.count else []

    def _show_page(self, jobs: HeadJobs) -> None:
        self._show_head()

    def _show_neurons(self) -> None:
        assert self._jobs is not None
        name = self._models[self._side]
        page = self.query_one(NeuronPage)
        page.show(self._jobs.neuron_pairs, self._side, self.prose(name))

    def _show_head(self) -> None:
        """The head under the cursor: its page and the lines below."""
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
            rests_on(self._workspace.words, self._workspace.vectors),
            # The lines may have been hidden until now; they have a blank at either end.
            width=self.size.width - 2,
            ascii_only=self.ui.settings.ascii,
        )
        status.show(*lines)

    # News of the requests

    def _ask(self) -> HeadJobs:
        assert self.ui.session is not None
        return HeadJobs(self._workspace, self.ui.session, self)

    def _begin(self, jobs: HeadJobs) -> None:
        assert jobs.architectures is not None
        base, _ = jobs.architectures
        self._atlas = HeadAtlas(base.layers)
        self._map.show(blank_map(base.layers, base.heads))
        self._fit_map()
        jobs.begin_layers(base.layers)
        self._turn_to("map")
        if self._wanted is not None:
            self.show_head(*self._wanted)

    def _take_part(self, jobs: HeadJobs, part: int) -> None:
        """Compare a layer's heads, aside: thousands of pairs a head."""
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

    # The cursor

    def _moved(self, message: TokenFace.CursorMoved) -> None:
        self._show_head()
        self._settle()

    def _go_to(self, layer: int, head: int) -> None:
        self._map.move_cursor(layer, head)
        self._want_layer()

    def show_head(self, layer: int, head: int) -> None:
        """Open a head that another view speaks of, as soon as the models' shapes are known."""
        self._wanted = layer, head
        if self._page != "words":
            self._wanted = None
            self._go_to(layer, head)
            self._turn_to("head")
