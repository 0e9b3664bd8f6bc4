"""The Divergence view: one response under both models, and what each would say at every place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.widgets import Static

from analysis.contributions.tables import neurons_table, parts_table, words_table
from analysis.divergence.request import DivergenceRequest, Side
from analysis.divergence.result import Divergence
from analysis.divergence.tables import alternatives_table, tokens_table
from analysis.patching.request import PARTS, Part
from analysis.patching.tables import patching_table
from app.frame.action import Action
from app.frame.actions import bindings
from app.frame.export import Tables
from app.frame.pair_view import PairView
from app.frame.twin import Value, option
from app.links import DivergenceLink, HeadLink, Link, NeuronLink
from app.state import Prompt
from app.views.divergence.inward import PartsPage, neuron_rows, part_rows, subject, words_of
from app.views.divergence.jobs import DivergenceJobs, asked_of
from app.views.divergence.layers import LayersPage
from app.views.divergence.page import ResponsePage
from app.views.divergence.text import HELP, NO_PROMPT, copied
from app.widgets.item_list import ItemList
from app.widgets.lines import Line, Lines


class DivergenceView(PairView[DivergenceJobs]):
    """The response; which layers carry a choice of it; what adds to that, down to neurons."""

    SCOPE = "divergence"
    HELP = HELP
    ANSWERS = frozenset({"export", "copy"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("divergence")
    PAGES = ("words", "text", "layers", "parts")
    TWINS: ClassVar[Mapping[str, str]] = {
        "text": "diverge {prompt} {template} {writer} {models}",
        "layers": "patch {at} {part} {prompt} {template} {writer} {models}",
        "parts": "contributions {at} {rival} {word} {table} {prompt} {template} {writer} {models}",
    }

    class Known(Message):
        """It is known whether the response is stored, and so what is to be asked."""

        def __init__(self, request: DivergenceRequest) -> None:
            super().__init__()
            self.request = request

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._prompt: Prompt | None = None
        self._writer: Side = "tuned"
        # Where a link leads to, once the response is read.
        self._wanted: int | None = None
        self._patched: Part = "stream"
        # The prompt's word that heads are ranked by; -1 for everything.
        self._word = -1
        # The layer whose neurons are listed; None while parts are.
        self._network: int | None = None

    def compose(self) -> ComposeResult:
        ascii_only = self.ui.settings.ascii
        with Container(id="content"):
            yield Static(NO_PROMPT, id="words", markup=False)
            yield ResponsePage(self.ui.refresh_lines, ascii_only=ascii_only, id="text")
            yield LayersPage(ascii_only=ascii_only, id="layers")
            yield PartsPage(ascii_only=ascii_only, id="parts-page")
        yield Lines(id="progress")

    @property
    def _text(self) -> ResponsePage:
        return self.query_one(ResponsePage)

    @property
    def _found(self) -> Divergence | None:
        return None if self._jobs is None else self._jobs.found

    def offers(self, action: Action) -> bool:
        match action.action:
            case "run_again":
                return self._jobs is not None and self._jobs.unfinished is not None
            case "stop":
                return True
            case "response":
                # On the other pages the key is the table's.
                return self._prompt is not None and self._page in ("words", "text")
            case "parted(1)" | "parted(-1)" | "first":
                there = self._found is not None and self._found.first is not None
                return there and self._page == "text"
            case "layers":
                return self._page == "text" and self._text.parts_here
            case "part":
                return self._page == "layers"
            case "word(1)" | "word(-1)":
                return self._page == "parts" and not self._parts.on_neurons
            case "open":
                return self._found is not None and self._page in ("text", "parts")
            case "colour":
                return self._page == "text" and self._found is not None
        return self._found is not None

    @property
    def _parts(self) -> PartsPage:
        return self.query_one(PartsPage)

    # What is asked

    def enter(self) -> None:
        """Ask about the prompt that was run last, unless that is shown."""
        latest = next(iter(self.ui.state.history), None)
        linked = self._prompt is not None and self.ui.came_by_link(self)
        if latest not in (None, self._prompt) and not linked:
            self._prompt, self._jobs = latest, None
        if self._jobs is None and self._prompt is not None:
            self._look()
        self._turn_to(self._page if self._jobs is not None else "words")

    def open(self, link: Link) -> None:
        """Go to a place of a response, once both models have read it."""
        if not isinstance(link, DivergenceLink):
            return
        self._wanted = link.place
        if (link.prompt, link.writer) == (self._prompt, self._writer) and self._found is not None:
            self._go_to_wanted()
            return
        self._prompt, self._writer = link.prompt, link.writer
        self._start_over()

    def _start_over(self) -> None:
        self.leave()
        self._jobs = None
        self._turn_to("words")
        self._look()

    def _look(self) -> None:
        """Find out on a thread whether the response is stored: reading it takes a moment."""
        session, prompt, writer = self.session, self._prompt, self._writer
        if session is None or prompt is None:
            return
        pair = self.pair

        def look() -> None:
            self.post_message(self.Known(asked_of(pair, session, prompt, writer)))

        self.run_worker(look, thread=True, exit_on_error=False, group="look", exclusive=True)

    def on_divergence_view_known(self, message: Known) -> None:
        """Ask both models."""
        message.stop()
        asked, prompt = message.request, self._prompt
        assert self.session is not None
        assert prompt is not None
        if (asked.prompt, asked.writer) != (prompt.text, self._writer):
            # Another one was wanted meanwhile.
            return
        if self._jobs is not None and self._jobs.request == asked:
            return
        self.leave()
        self._jobs = DivergenceJobs(self.pair, self.session, self, message.request)
        self._run_whole()
        self.show_everything()

    def _ask(self) -> DivergenceJobs:
        raise AssertionError("what is asked depends on the disk; see `_look`")

    def _begin(self, jobs: DivergenceJobs) -> None:
        found = jobs.found
        assert found is not None
        self._text.show(found, self._names)
        self._go_to_wanted()
        self._turn_to("text")

    def _go_to_wanted(self) -> None:
        """Go to where a link leads, else to the first divergence."""
        found, wanted = self._found, self._wanted
        assert found is not None
        self._wanted = None
        place = wanted if wanted is not None else found.first or 0
        self._text.go_to(min(place, found.places - 1))

    # What is shown

    def show_everything(self) -> None:
        if self._jobs is None:
            words = "" if self._prompt is not None else NO_PROMPT
            self.query_one("#words", Static).update(words)
            self.query_one("#progress", Lines).show([])
            return
        super().show_everything()

    def _show_page(self, jobs: DivergenceJobs) -> None:
        if self._page == "layers" and jobs.layers_found is not None:
            self.query_one(LayersPage).show(jobs.layers_found, self._names, self.size.width - 2)
        elif self._page == "parts":
            self._show_parts(jobs)
        elif jobs.found is not None:
            self._text.show(jobs.found, self._names)

    def _show_parts(self, jobs: DivergenceJobs) -> None:
        both = jobs.parts_found
        if both is None:
            self._parts.show_parts("", (), self._names)
            return
        words = self._words
        word = words[self._word] if 0 <= self._word < len(words) else ("", None)
        said = subject(both, word[0], ascii_only=self.ui.settings.ascii)
        if self._network is not None:
            self._parts.show_neurons(said, neuron_rows(both, self._network), self._names)
        else:
            self._parts.show_parts(said, part_rows(both, word[1]), self._names)

    @property
    def _words(self) -> list[tuple[str, tuple[int, int]]]:
        return [] if self._prompt is None else words_of(self._prompt.text)

    def _take_opened(self, jobs: DivergenceJobs) -> None:
        if self._page in ("layers", "parts"):
            self.show_everything()

    def _focus_shown(self) -> None:
        match self._page:
            case "layers":
                self.query_one(LayersPage).focus_shown()
            case "parts":
                self._parts.table.focus()
            case _:
                self._text.focus_shown()

    def _all_there(self) -> Line:
        prompt = self._prompt
        if prompt is None or self._found is None:
            return []
        both = None if self._jobs is None else self._jobs.parts_found
        found = both if self._page == "parts" and both is not None else (self._found,)
        notes = dict.fromkeys(note for each in found for note in each.notes)
        words = " ".join(notes) if notes else " ".join(prompt.text[:400].split())
        return [(self.prose(words), "warn" if notes else "dim")]

    # Keys

    def action_first(self) -> None:
        if self._found is not None and self._found.first is not None:
            self._text.go_to(self._found.first)

    def action_parted(self, by: int) -> None:
        """Go to the next (1) or previous (-1) place where first choices differ."""
        self._text.go_to_parted(by)

    def action_response(self) -> None:
        """Change to the other model's response."""
        self._writer = "base" if self._writer == "tuned" else "tuned"
        self._start_over()

    def action_colour(self) -> None:
        self._text.turn_colour()

    def _back(self) -> bool:
        if self._page not in ("layers", "parts"):
            return False
        if self._page == "parts" and self._network is not None:
            self._network = None
            self._turn_to("parts")
        else:
            self._turn_to("text")
        return True

    # Inwards

    @on(ItemList.Chosen)
    def action_open(self) -> None:
        """From the text to what adds to the choice, from there to a head, a network, a neuron."""
        jobs = self._jobs
        if jobs is None or jobs.found is None:
            return
        if self._page == "text":
            self._word, self._network = -1, None
            jobs.open_parts(self._text.place)
            self._turn_to("parts")
        elif self._page == "parts" and self._parts.on_neurons:
            neuron = self._parts.neuron
            if neuron is not None:
                self._follow(NeuronLink(neuron.layer, neuron.neuron))
        elif self._page == "parts":
            self._open_part()

    def _open_part(self) -> None:
        part = self._parts.part
        if part is None or part.layer is None:
            return
        if part.head is not None:
            self._follow(HeadLink(part.layer, part.head))
        elif part.has_neurons:
            self._network = part.layer
            self._turn_to("parts")

    def _follow(self, link: Link) -> None:
        self.run_worker(self.ui.open_link(link, back=True), exit_on_error=False)

    def action_word(self, by: int) -> None:
        """Rank heads by what they take from the next word of the prompt, or from all."""
        count = len(self._words) + 1
        self._word = (self._word + 1 + by) % count - 1
        self.show_everything()

    def action_layers(self) -> None:
        """Show which layers carry the choice at the cursor."""
        assert self._jobs is not None
        self._jobs.open_layers(self._text.place, self._patched)
        self._turn_to("layers")

    def action_part(self) -> None:
        """Exchange the stream, or what attention or feed-forward networks alone write."""
        self._patched = PARTS[(PARTS.index(self._patched) + 1) % len(PARTS)]
        self.action_layers()

    def action_export(self) -> None:
        """Export every place and choice; the runs of layers; or parts, words and neurons."""
        found, jobs = self._found, self._jobs
        if found is None or jobs is None:
            self.ui.say("There is nothing to export yet.", severity="warning")
            return
        layers, both = jobs.layers_found, jobs.parts_found
        if self._page == "layers" and layers is not None:
            self.export_table(lambda: patching_table([layers]), "patching", *self._models)
            return
        if self._page == "parts" and both is not None:
            of_parts: Tables = {
                "parts": lambda: parts_table(both),
                "words": lambda: words_table(both),
                "neurons": lambda: neurons_table(both),
            }
            self.export_tables(of_parts, *self._models)
            return
        tables = {
            "divergence": lambda: tokens_table(found),
            "alternatives": lambda: alternatives_table(found),
        }
        self.export_tables(tables, *self._models)

    def action_copy(self) -> None:
        if self._found is None:
            self.ui.say("There is nothing to copy yet.", severity="warning")
        else:
            self.ui.copy(copied(self._found, self._text.place))

    @property
    def _table(self) -> str:
        """Which of the contributions is shown."""
        if self._parts.on_neurons:
            return "neurons"
        return "words" if self._word >= 0 else "parts"

    def _twin_values(self) -> Mapping[str, Value]:
        assert self._prompt is not None
        return {
            "prompt": option("prompt", self._prompt.text),
            "template": option("chat-template", self._prompt.chat_template),
            "writer": option("response-from", None if self._writer == "tuned" else self._writer),
            "at": option("at", self._text.place),
            "part": option("part", self._patched.replace("_", "-")),
            "rival": option("rival", "other" if self._text.parts_here else None),
            "word": option("word-at", self._word if self._word >= 0 else None),
            "table": option("table", self._table),
        }
