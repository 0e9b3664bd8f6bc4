"""The Heads view: which word pairs every head relates, and what tuning changed in them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from analysis.events import EngineStatus
from analysis.head_tables import pairs_table
from analysis.results import HeadPairs
from app.actions import Action, bindings
from app.views.heads.atlas import HeadAtlas
from app.views.heads.found import FoundHeads
from app.views.heads.jobs import HeadJobs
from app.views.heads.layer import HeadLayer
from app.views.heads.neuron_page import NeuronPage
from app.views.heads.page import HeadPage
from app.views.heads.text import (
    HELP,
    copied_text,
    different_shapes,
    rests_on,
    save_table,
    status_lines,
)
from app.views.heads.verb_page import VerbPage
from app.views.view import View
from app.watch import Watch
from app.widgets.head_map import HeadMap, blank_map, levels_of
from app.widgets.item_list import ItemList
from app.widgets.lines import Lines
from app.widgets.search_bar import SearchBar
from app.widgets.token_face import TokenFace
from app.workspace import PairWorkspace

Page = Literal["words", "map", "head", "neurons", "found", "verbs"]
PAGES: tuple[Page, ...] = ("words", "map", "head", "neurons", "found", "verbs")
BOTH_FROM_WIDTH = 100
# A layer that the cursor only passes is not computed.
_SETTLED_S = 0.4


class HeadsView(View):
    """The map and the head under its cursor, or one of the pages behind them."""

    SCOPE = "heads"
    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings("heads")

    class Compared(Message):
        """The heads of a layer were compared."""

        def __init__(self, layer: HeadLayer) -> None:
            super().__init__()
            self.layer = layer

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._page: Page = "words"
        self._atlas = HeadAtlas(0)
        self._jobs: HeadJobs | None = None
        self._side = 1
        self._settling: Timer | None = None
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
    def _workspace(self) -> PairWorkspace:
        assert isinstance(self.ui.workspace, PairWorkspace)
        return self.ui.workspace

    @property
    def _names(self) -> tuple[str, str]:
        return self._workspace.base.name, self._workspace.tuned.name

    @property
    def _map(self) -> HeadMap:
        return self.query_one("#map", HeadMap)

    @property
    def _found(self) -> FoundHeads:
        return self.query_one("#found", FoundHeads)

    def enter(self) -> None:
        """Ask what the models are built of, the first time; focus what is shown."""
        if self._jobs is None and self.ui.session is not None:
            self._jobs = HeadJobs(self._workspace, self.ui.session, self)
        self._turn_to(self._page)

    def leave(self) -> None:
        """Nothing is waited for."""
        if self._jobs is not None:
            self._jobs.stop()

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

    def _turn_to(self, page: Page) -> None:
        self._page = page
        for each in PAGES:
            self.set_class(each == page, f"-{each}")
        self.show_everything()
        if self.ui.view is self:
            self._focus_page()
            self.ui.refresh_lines()

    def _focus_page(self) -> None:
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
            case "words":
                # The keys of the view work while there is nothing to put a cursor on.
                self.can_focus = True
                self.focus()

    def show_everything(self) -> None:
        """Words and lines from the state."""
        jobs = self._jobs
        if jobs is None:
            return
        if self._page == "words":
            self._show_words(jobs)
        self._show_progress()
        self._show_head()

    def _show_words(self, jobs: HeadJobs) -> None:
        words = self.query_one("#words", Static)
        words.set_class(jobs.shapes.problem is not None, "bad")
        words.update("\n".join(self.prose(line) for line in jobs.words().split("\n")))

    def _show_progress(self) -> None:
        starting = self.ui.status.state in ("off", "starting")
        line = [] if self._jobs is None else self._jobs.going_on(engine_starting=starting)
        if self._page not in ("words", "map"):
            # Escape leads back first.
            line = line[:1]
        elif not line and len(self._atlas.layers) == self._atlas.count:
            line = [(f"all {self._atlas.count} layers are there", "dim")]
        self.query_one("#progress", Lines).show(line)

    def _show_head(self) -> None:
        """The head under the cursor: its page and the lines below."""
        status, jobs = self.query_one("#status", Lines), self._jobs
        status.display = self._page in ("map", "head", "neurons")
        if jobs is None or jobs.layers is None:
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

    def engine_changed(self, status: EngineStatus) -> None:
        """Say what is waited for."""
        self._show_progress()

    @on(Watch.Changed)
    def _news(self, message: Watch.Changed) -> None:
        message.stop()
        news = None if self._jobs is None else self._jobs.apply(message.watch)
        if self._jobs is None or news is None:
            return
        kind, step = news
        for notice in step.notices:
            self.ui.say(str(notice.problem), severity="warning")
        if step.finished is None:
            if self._page == "words":
                self._show_words(self._jobs)
        elif kind == "shapes":
            self._begin_layers(self._jobs)
        elif kind == "layers":
            self._compare(step.finished)
        elif self._page == "neurons":
            self._show_neurons()
        self._show_progress()
        if self.ui.view is self and self._jobs.running is None:
            self.ui.refresh_lines()

    def _begin_layers(self, jobs: HeadJobs) -> None:
        """The shapes are known: ask for the heads, if there is one for each."""
        assert jobs.architectures is not None
        base, tuned = jobs.architectures
        if different_shapes(base, tuned):
            self._show_words(jobs)
            return
        self._atlas = HeadAtlas(base.layers)
        self._map.show(blank_map(base.layers, base.heads))
        self._fit_map()
        jobs.begin_layers(base.layers)
        self._turn_to("map")
        if self._wanted is not None:
            self.show_head(*self._wanted)

    def _compare(self, layer: int) -> None:
        """Compare a layer's heads, aside: thousands of pairs a head."""
        assert self._jobs is not None
        assert self._jobs.layers is not None
        base, tuned = self._jobs.layers.results[layer]
        assert isinstance(base, HeadPairs)
        assert isinstance(tuned, HeadPairs)

        def compare() -> None:
            self.post_message(self.Compared(HeadLayer(base, tuned)))

        self.run_worker(compare, thread=True, group="compare")

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
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(_SETTLED_S, self._want_layer)

    def _want_layer(self) -> None:
        if self._jobs is not None and self._jobs.layers is not None:
            self._jobs.layers.want(self._map.cursor[0])
            self._show_progress()

    def _go_to(self, layer: int, head: int) -> None:
        self._map.move_cursor(layer, head)
        self._want_layer()

    # Pages

    def show_head(self, layer: int, head: int) -> None:
        """Open a head that another view speaks of, as soon as the models' shapes are known."""
        self._wanted = layer, head
        if self._page != "words":
            self._wanted = None
            self._go_to(layer, head)
            self._turn_to("head")

    @on(ItemList.Chosen)
    def _chosen(self, message: ItemList.Chosen) -> None:
        self.action_open()

    def action_open(self) -> None:
        """From the map to the head, from the head to its neuron pairs, from a find to its head."""
        place = self._found.place
        if self._page == "map":
            self._turn_to("head")
        elif self._page == "head":
            assert self._jobs is not None
            self._jobs.open_head(*self._map.cursor)
            self._show_neurons()
            self._turn_to("neurons")
        elif self._page == "found" and place is not None:
            self._go_to(place.layer, place.head)
            self._turn_to("head")

    def _show_neurons(self) -> None:
        assert self._jobs is not None
        name = self._names[self._side]
        page = self.query_one(NeuronPage)
        page.show(self._jobs.neuron_pairs, self._side, self.prose(name))

    def action_swap(self) -> None:
        """The neuron pairs of the other model."""
        if self._page == "neurons":
            self._side = 1 - self._side
            self._show_neurons()

    def action_verbs(self) -> None:
        """The verb table of the layers that are there."""
        atlas = self._atlas
        base, tuned, layers = atlas.of_model(0), atlas.of_model(1), atlas.count
        if not base:
            self.ui.say("There is no layer to count verbs in yet.", severity="warning")
            return
        self.query_one(VerbPage).count(base, tuned, layers)
        self._turn_to("verbs")

    def action_stop(self) -> None:
        """Back from a page, or to the link that led to it; on the map stop what runs, or leave."""
        if self._page == "neurons":
            self._turn_to("head")
        elif self._page == "head" and self.ui.came_by_link(self):
            self.run_worker(self.ui.go_back(self), exit_on_error=False)
        elif self._page in ("head", "found", "verbs"):
            self._turn_to("map")
        elif self._jobs is not None and self._jobs.stop():
            self.show_everything()
            self.ui.refresh_lines()
        else:
            self.run_worker(self.ui.go_back(self), exit_on_error=False)

    def action_run_again(self) -> None:
        """Run what failed or was stopped."""
        if self._jobs is not None:
            self._jobs.run_again(self._map.cursor[0])
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
            self._found.show_places(word, places, len(self._atlas.layers))
            self._turn_to("found")
            return
        self._focus_page()
        if word:
            layers = f"{len(self._atlas.layers)} layers"
            self.ui.say(f"No head of the {layers} computed so far pairs “{word}”.")

    def action_find_next(self, direction: int) -> None:
        """Go to the head of the next (1) or the previous (-1) place found."""
        found = self._found
        if not found.places:
            return
        if self._page != "found":
            found.move_cursor((found.cursor + direction) % len(found.places))
        place = found.place
        assert place is not None
        self._go_to(place.layer, place.head)
        self._turn_to("map" if self._page == "map" else "head")
        words = f"{found.cursor + 1} of {len(found.places)} heads"
        self.query_one("#progress", Lines).show([(words, "dim")])

    # What leaves the program

    def action_export(self) -> None:
        """The table that is shown as CSV: all pairs computed so far, or the verbs."""
        names = self._names
        base, tuned = self._atlas.of_model(0), self._atlas.of_model(1)
        if not base:
            self.ui.say("There are no pairs to export yet.", severity="warning")
            return
        verbs = self.query_one(VerbPage).table if self._page == "verbs" else None

        def write() -> None:
            try:
                if verbs is None:
                    path = save_table(pairs_table(base, tuned), "heads", names, Path.cwd())
                else:
                    path = save_table(verbs.table(), "verbs", names, Path.cwd())
            except OSError as error:
                words = f"Nothing was exported: {error}"
                self.app.call_from_thread(self.ui.say, words, severity="error")
            else:
                self.app.call_from_thread(self.ui.say, f"Exported to {path}")

        self.run_worker(write, thread=True, exit_on_error=False, group="export")

    def action_copy(self) -> None:
        """Copy the pairs of the head, or of the neuron pair, under the cursor."""
        place = self._map.cursor
        comparison = self._atlas.head(*place)
        if self._page == "neurons" and (text := self.query_one(NeuronPage).text()):
            self.ui.copy(text)
        elif comparison is None:
            self.ui.say("There is nothing to copy yet.", severity="warning")
        else:
            names = self._names
            about = rests_on(self._workspace.words, self._workspace.vectors)
            self.ui.copy(copied_text(place, comparison, names, about))
