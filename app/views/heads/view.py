"""The Heads view: each head's word pairs, and how tuning changed them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static

from analysis.activity.gather import head_activity_ask
from analysis.activity.tables import Prompts
from analysis.heads.tables import (
    neuron_changes_table,
    neuron_pairs_table,
    pairs_table,
    summary_table,
)
from analysis.heads.word_counts import ranked_words_table
from app.frame.action import Action
from app.frame.actions import bindings
from app.frame.active_prompts import ActivePrompts
from app.frame.export import Tables
from app.frame.layer_view import LayerView
from app.frame.twin import Value, option
from app.jobs.layer_jobs import LayerJobs
from app.jobs.tasks import Task
from app.links import HeadLink, Link, PromptLink
from app.state import Prompt
from app.terminal.colours import palette_of
from app.views.heads.atlas import HeadAtlas, places_table
from app.views.heads.jobs import HeadJobs
from app.views.heads.layer import HeadLayer
from app.views.heads.neuron_page import NeuronPage
from app.views.heads.overview import HeadOverview
from app.views.heads.page import FoundHeads, HeadPage, pair_text
from app.views.heads.text import HELP, copied_text, findings, rests_on, status_lines
from app.views.heads.verb_page import VerbPage
from app.widgets.item_list import ItemList
from app.widgets.lines import Line, Lines
from app.widgets.scale import scale_line, signs_line
from app.widgets.scaled_lines import ScaledLines
from app.widgets.search_bar import SearchBar

_BESIDE_FROM = 100
"""From this width on, map and ranking are side by side."""
_HEAD_FROM = 150
"""From this width on, so are the pairs of the head under the cursor."""
_PANE_NAMES = {"ranking": "ranking", "map": "map", "by-word": "words"}


class HeadsView(LayerView[HeadJobs]):
    """From all heads to one to its neuron pairs; plus search results and verbs."""

    SCOPE = "heads"
    HELP = HELP
    ANSWERS = frozenset({"verbs", "export", "copy"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("heads")
    PAGES = ("words", "heads", "head", "neurons", "found", "verbs", "active")
    FOUND = "heads"
    TWINS: ClassVar[Mapping[str, str]] = {
        "heads": "heads --summary {models} {vocab} {vectors}",
        "head": "heads --layers {layer} {models} {vocab} {vectors}",
        "neurons": "heads --layers {layer} --head {head} {models} {vocab} {vectors}",
        "verbs": "heads --verbs {models} {vocab} {vectors}",
        "found": "heads {models} {vocab} {vectors}",
        "active": "active --layer {layer} --head {head} {words} --top {top} {models}",
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
        # The pair whose prompts are listed, and those prompts.
        self._words, self._asked = ("", ""), Prompts((), ())

    def compose(self) -> ComposeResult:
        ascii_only = self.ui.settings.ascii
        yield ScaledLines(id="finding")
        with Horizontal(id="content"):
            yield Static("", id="words", markup=False)
            yield HeadOverview(self._moved, ascii_only=ascii_only, id="overview")
            yield HeadPage(ascii_only=ascii_only, id="page")
            yield NeuronPage(ascii_only=ascii_only, id="neuron-page")
            yield FoundHeads(ascii_only=ascii_only, id="found")
            yield VerbPage(ascii_only=ascii_only, id="verbs")
            yield ActivePrompts(self.ui, self._read, id="active")
        yield ScaledLines(id="status")
        yield ScaledLines(id="legend")
        yield SearchBar("/ type a word: which heads relate it?", id="search", filters=True)
        yield Lines(id="progress")

    @property
    def _overview(self) -> HeadOverview:
        return self.query_one(HeadOverview)

    @property
    def _found(self) -> FoundHeads:
        return self.query_one("#found", FoundHeads)

    @property
    def _active(self) -> ActivePrompts:
        return self.query_one("#active", ActivePrompts)

    @property
    def _part(self) -> int:
        return self._overview.place[0]

    def on_resize(self, event: Resize) -> None:
        """Show as many panes side by side as there is room for."""
        for each in (self, self._overview):
            each.set_class(event.size.width < _BESIDE_FROM, "-narrow")
        self.set_class(event.size.width >= _HEAD_FROM, "-wide")
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self._overview.fit()
        self._show_findings()
        self._show_head()

    def offers(self, action: Action) -> bool:
        match action.id:
            case "heads.rerun":
                return self._again is not None
            case "heads.active":
                return self._page == "head" and self.query_one(HeadPage).pair is not None
            case "heads.swap":
                return self._page == "neurons"
            case "heads.next" | "heads.previous":
                return bool(self._found.places)
            case "heads.open":
                listed = self._page == "active" and self._active.prompt is not None
                return listed or self._page in ("heads", "head", "found")
            case "heads.pane":
                return self._page == "heads"
            case "heads.stop":
                return True
        return self._page != "words"

    def worded(self, action: Action) -> Action:
        to_pane = action.id == "heads.pane"
        return replace(action, label=_PANE_NAMES[self._overview.next_pane]) if to_pane else action

    def _focus_shown(self) -> None:
        match self._page:
            case "heads":
                self._overview.focus_shown()
            case "head":
                self.query_one(HeadPage).focus_first()
            case "neurons":
                self.query_one(NeuronPage).focus_list()
            case "found":
                self._found.focus()
            case "verbs":
                self.query_one(VerbPage).focus_shown()
            case "active":
                self._active.focus_shown()

    def _progress(self) -> Line:
        if self._page == "active":
            return self._active.going_on()
        # On a page behind the first escape goes back first and stops nothing.
        first = self._page in ("words", "heads") and not self._is_behind
        return super()._progress() if first else self._going_on()[:1]

    def _all_there(self) -> Line:
        return super()._all_there() if len(self._atlas.layers) == self._atlas.count else []

    def _show_page(self, jobs: HeadJobs) -> None:
        self._show_findings()
        self._show_head()
        if self._page == "active":
            self._active.show(self._names)

    def _show_findings(self) -> None:
        """Say what was found so far, and what colours and signs mean."""
        atlas, ascii_only, span = self._atlas, self.ui.settings.ascii, self._overview.span
        done = len(atlas.layers)
        so_far = "" if done == atlas.count else f" So far: {done} of {atlas.count} layers."
        lines = findings(
            atlas.ranked, atlas.words, so_far, width=self.size.width - 2, ascii_only=ascii_only
        )
        self.query_one("#finding", ScaledLines).show(*lines)
        low, high = f"change {span.lowest:.2f}", f"{span.highest:.2f}   "
        scale = scale_line(palette_of(self.app), low, high, ascii_only=ascii_only)
        legend = [
            *scale,
            *signs_line(ascii_only=ascii_only),
            ("0 same pairs, 1 none", "dim"),
        ]
        self.query_one("#legend", ScaledLines).show(legend if atlas.ranked else ())

    def _show_neurons(self) -> None:
        assert self._jobs is not None
        page = self.query_one(NeuronPage)
        page.show(self._jobs.neuron_pairs, self._side, self._names[self._side])

    def _show_head(self) -> None:
        status, jobs = self.query_one("#status", ScaledLines), self._jobs
        if jobs is None or jobs.parts is None:
            return
        place = self._overview.place
        comparison, layer = self._atlas.head(*place), self._atlas.layer(place[0])
        self.query_one(HeadPage).show(comparison)
        lines = status_lines(
            place,
            comparison,
            None if layer is None else layer.both,
            rests_on(self.pair.words, self.pair.vectors),
            # The lines may have been hidden, without a width; they have a blank at each end.
            width=self.size.width - 2,
            listed=not self.has_class("-wide") and self._page == "heads",
            ascii_only=self.ui.settings.ascii,
            why_not=jobs.why_no_heads(place[0]),
        )
        status.styles.height = len(lines)
        status.show(*lines)

    def _twin_values(self) -> Mapping[str, Value]:
        layer, head = self._overview.place
        words = option("pair", "=".join(self._words))
        return {"layer": layer, "head": head, "words": words, "top": len(self._asked.ids)}

    # News of the requests

    def _ask(self) -> HeadJobs:
        assert self.session is not None
        return HeadJobs(self.pair, self.session, self)

    def _begin(self, jobs: HeadJobs) -> None:
        assert jobs.architectures is not None
        base, _ = jobs.architectures
        self._atlas = HeadAtlas(base.layers - len(base.without_heads), base.layers)
        self._overview.begin(base.layers, max(1, base.heads))
        jobs.begin_layers()
        self._turn_to("heads")
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
        before = self._overview.place
        self._overview.add(layer, self._atlas)
        self._show_progress()
        self._show_findings()
        if layer.number == before[0] or self._overview.place != before:
            self._show_head()

    def _moved(self) -> None:
        self._show_head()
        self._settle()

    def _go_to(self, layer: int, head: int) -> None:
        self._overview.go_to((layer, head))
        self._show_head()
        self._want_layer()

    def open(self, link: Link) -> None:
        """Open a head that another view links to, once the models' shapes are known."""
        if not isinstance(link, HeadLink):
            return
        self._wanted, self._landed = link, None
        if self._page != "words":
            self._wanted = None
            self._go_to(link.layer, link.head)
            self._turn_to("head")

    @on(ItemList.Chosen)
    def _chosen(self, message: ItemList.Chosen) -> None:
        word = self._overview.word
        if message.items.id == "by-word" and word is not None and not self._find(word):
            self._turn_to("found")
        else:
            self.action_open()

    def action_pane(self) -> None:
        self._overview.turn()
        self.ui.refresh_lines()

    def action_open(self) -> None:
        place = self._overview.place
        if self._page == "heads":
            self._turn_to("head")
        elif self._page == "head" and self._atlas.head(*place) is not None:
            assert self._jobs is not None
            self._jobs.open_head(*place)
            self._show_neurons()
            self._turn_to("neurons")
        elif self._page == "found" and self._found.places:
            self._follow_found()
        elif self._page == "active" and self._active.prompt is not None:
            link = PromptLink(Prompt(self._active.prompt))
            self.run_worker(self.ui.open_link(link, back=True), exit_on_error=False)

    def action_active(self) -> None:
        """List the instructions in which the head attends most between the pair's words."""
        # Imported here: the first screen does without.
        from analysis.neurons.instructions import default_instructions

        change, session = self.query_one(HeadPage).pair, self.session
        if change is None or session is None:
            return
        place, words = self._overview.place, (change.word_a, change.word_b)
        self._asked = Prompts.of(default_instructions(self.pair.base, self.pair.tuned))
        self._words = words
        ask = head_activity_ask(self.pair.pair, self._asked.texts, place, words)
        named = pair_text(*words, ascii_only=self.ui.settings.ascii)
        what = f"attention of layer {place[0]} · head {place[1]} to {named}"
        self._active.start(what, ask, self._asked, session, head=True)
        self._turn_to("active")

    def _read(self) -> None:
        """There is news of the prompts."""
        self._show_progress()
        self.ui.refresh_lines()

    @property
    def _again(self) -> LayerJobs[Any] | None:
        """Jobs that failed or were stopped and may run again."""
        if self._page == "active":
            return self._active.unfinished
        return None if self._jobs is None else self._jobs.unfinished

    def action_run_again(self) -> None:
        if self._page == "active":
            self._active.run_again()
        else:
            super().action_run_again()

    def leave(self) -> None:
        super().leave()
        if self._jobs is not None:
            self._active.stop()

    def tasks(self) -> list[Task]:
        return super().tasks() + ([] if self._jobs is None else self._active.tasks())

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
        if super()._back():
            return True
        if self._page == "active":
            if self._active.stop():
                self._read()
            else:
                self._turn_to("head")
        elif self._page == "neurons":
            self._turn_to("head")
        elif self._page == "head" and self.ui.came_by_link(self):
            self.go_back()
        elif self._page in ("head", "found", "verbs"):
            self._turn_to("heads")
        else:
            return False
        return True

    def _turn_to(self, page: str) -> None:
        self.remove_class("-typed")
        super()._turn_to(page)

    def _typed(self, text: str) -> None:
        """List the heads of the word in place of all heads, as soon as it is one."""
        if self._page not in ("heads", "found"):
            super()._typed(text)
            return
        word = text.strip()
        nothing = self._find(word) if word else ""
        self.set_class(bool(word and not nothing), "-typed")
        told = nothing or f"{self._found.count} heads relate it · enter or down goes there"
        self.query_one("#progress", Lines).show([(told, "dim")] if word else self._progress())

    def _leave_search(self) -> None:
        if self.has_class("-typed"):
            self._turn_to("found")
        else:
            super()._leave_search()

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
        self._turn_to("heads" if self._page == "heads" else "head")

    def action_export(self) -> None:
        """Export what is shown as CSV; of all heads, word pairs, changes and words so far."""
        base, tuned = self._atlas.of_model(0), self._atlas.of_model(1)
        verbs = self.query_one(VerbPage).table if self._page == "verbs" else None
        neurons = None if self._jobs is None else self._jobs.neuron_pairs
        word, places, words = self._found.word, self._found.places, self._atlas.words
        if not base:
            self.ui.say("There are no pairs to export yet.", severity="warning")
        elif verbs is not None:
            self.export_table(verbs.table, "verbs", *self._models)
        elif self._page == "active" and self._active.tables():
            self.export_tables(self._active.tables(), *self._models)
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
                "heads-by-word": lambda: ranked_words_table(words),
            }
            self.export_tables(tables, *self._models)

    def action_copy(self) -> None:
        place = self._overview.place
        comparison = self._atlas.head(*place)
        if self._page == "neurons" and (text := self.query_one(NeuronPage).text()):
            self.ui.copy(text)
        elif self._page == "active":
            self.ui.copy(self._active.text())
        elif comparison is None:
            self.ui.say("There is nothing to copy yet.", severity="warning")
        else:
            names = self._models
            about = rests_on(self.pair.words, self.pair.vectors)
            self.ui.copy(copied_text(place, comparison, names, about))
