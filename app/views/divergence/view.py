"""The Divergence view: one response under both models, and what each would say at every place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static

from analysis.divergence.request import DivergenceRequest, Side
from analysis.divergence.result import Divergence
from analysis.divergence.tables import alternatives_table, tokens_table
from app.frame.action import Action
from app.frame.actions import bindings
from app.frame.pair_view import PairView
from app.frame.twin import Value, option
from app.links import DivergenceLink, Link
from app.state import Prompt
from app.terminal.colours import palette_of
from app.terminal.model_marks import marked
from app.views.divergence.jobs import DivergenceJobs, asked_of
from app.views.divergence.response import ColouredBy, ResponseText, response_map
from app.views.divergence.text import (
    HELP,
    NO_PROMPT,
    choice_lines,
    copied,
    curves,
    findings,
    strip,
)
from app.widgets.lines import Line, Lines
from app.widgets.plot import Plot
from app.widgets.scale import scale_line, signed_line
from app.widgets.scaled_lines import ScaledLines
from app.widgets.token_face import TokenFace

PLOT_FROM_HEIGHT = 34


class DivergenceView(PairView[DivergenceJobs]):
    """The response, coloured, above the choices at the cursor."""

    SCOPE = "divergence"
    HELP = HELP
    ANSWERS = frozenset({"export", "copy"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("divergence")
    PAGES = ("words", "text")
    TWINS: ClassVar[Mapping[str, str]] = {
        "text": "diverge {prompt} {template} {writer} {models}",
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
        self._coloured: ColouredBy = "kl"
        # Where a link leads to, once the response is read.
        self._wanted: int | None = None

    def compose(self) -> ComposeResult:
        yield Lines(id="finding")
        with Vertical(id="content"):
            yield Static(NO_PROMPT, id="words", markup=False)
            yield ResponseText(ascii_only=self.ui.settings.ascii, follow=self._moved, id="response")
            yield Plot(ascii_only=self.ui.settings.ascii, id="plot")
        yield Lines(id="strip")
        yield Lines(id="choices")
        yield ScaledLines(id="legend")
        yield Lines(id="progress")

    @property
    def _text(self) -> ResponseText:
        return self.query_one(ResponseText)

    @property
    def _found(self) -> Divergence | None:
        return None if self._jobs is None else self._jobs.found

    @property
    def _place(self) -> int:
        return self._text.cursor[0]

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.height < PLOT_FROM_HEIGHT, "-low")
        self.call_after_refresh(self._show_lines)

    def offers(self, action: Action) -> bool:
        match action.action:
            case "run_again":
                return self._jobs is not None and self._jobs.unfinished is not None
            case "stop":
                return True
            case "response":
                return self._prompt is not None
            case "parted(1)" | "parted(-1)" | "first":
                return self._found is not None and self._found.first is not None
        return self._found is not None

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
        assert self.session is not None
        self._jobs = DivergenceJobs(self.pair, self.session, self, message.request)
        self._run_whole()
        self.show_everything()

    def _ask(self) -> DivergenceJobs:
        raise AssertionError("what is asked depends on the disk; see `_look`")

    def _begin(self, jobs: DivergenceJobs) -> None:
        found = jobs.found
        assert found is not None
        self._text.move_cursor(0, 0)
        self._show_response(found)
        self._go_to_wanted()
        self._turn_to("text")

    def _go_to_wanted(self) -> None:
        """Go to where a link leads, else to the first divergence."""
        found, wanted = self._found, self._wanted
        assert found is not None
        self._wanted = None
        place = wanted if wanted is not None else found.first or 0
        self._go_to(min(place, found.places - 1))

    # What is shown

    def show_everything(self) -> None:
        if self._jobs is None:
            words = "" if self._prompt is not None else NO_PROMPT
            self.query_one("#words", Static).update(words)
            self.query_one("#progress", Lines).show([])
            return
        super().show_everything()

    def _show_page(self, jobs: DivergenceJobs) -> None:
        if jobs.found is not None:
            self._show_response(jobs.found)
            self._show_lines()

    def _show_response(self, found: Divergence) -> None:
        text, ascii_only = self._text, self.ui.settings.ascii
        text.coloured_by = "whole"
        text.show(response_map(found, self._coloured, ascii_only=ascii_only))
        side = 0 if found.writer == "base" else 1
        whose = marked(side, self.prose(found.names[side]), ascii_only=ascii_only)
        what = "KL(tuned ‖ base)" if self._coloured == "kl" else "log p by tuned − log p by base"
        text.border_title = Text(self.prose(f"{whose}'s response · {what}"))

    def _show_lines(self) -> None:
        found = self._found
        if found is None or self._page != "text":
            return
        ascii_only, width = self.ui.settings.ascii, self.size.width - 2
        above = findings(found, width, ascii_only=ascii_only)
        lines = self.query_one("#finding", Lines)
        lines.styles.height = len(above)
        lines.show(*above)
        self._show_place()
        palette = palette_of(self.app)
        legend: Line = [("▌ first choices differ   ", "mark")]
        if self._coloured == "kl":
            ends = scale_line(
                palette, "KL 0", f"{float(found.kl.max()):.1f} nats", ascii_only=ascii_only
            )
        else:
            ends = signed_line(
                palette,
                brief=False,
                ascii_only=ascii_only,
                ends=("tuning made less", "more likely"),
            )
        self.query_one("#legend", ScaledLines).show([*legend, *ends])

    def _show_place(self) -> None:
        found = self._found
        if found is None:
            return
        ascii_only, width = self.ui.settings.ascii, self.size.width - 2
        self.query_one(Plot).show(curves(found, self._names, self._place))
        self.query_one("#strip", Lines).show(
            strip(found, self._place, width, ascii_only=ascii_only)
        )
        self.query_one("#choices", Lines).show(
            *choice_lines(found, self._place, self._names, width, ascii_only=ascii_only)
        )

    def _focus_shown(self) -> None:
        self._text.focus()

    def _all_there(self) -> Line:
        prompt = self._prompt
        if prompt is None or self._found is None:
            return []
        notes = self._found.notes
        words = " ".join(notes) if notes else " ".join(prompt.text[:400].split())
        return [(self.prose(words), "warn" if notes else "dim")]

    # Keys

    def _moved(self, message: TokenFace.CursorMoved) -> None:
        self._show_place()

    def _go_to(self, place: int) -> None:
        self._text.move_cursor(place, 0)
        self._show_place()

    def action_first(self) -> None:
        found = self._found
        if found is not None and found.first is not None:
            self._go_to(found.first)

    def action_parted(self, by: int) -> None:
        """Go to the next (1) or previous (-1) place where first choices differ, round the end."""
        assert self._found is not None
        places = np.flatnonzero(self._found.parted)
        behind = places[places > self._place] if by > 0 else places[places < self._place]
        order = behind if by > 0 else behind[::-1]
        around = places[0] if by > 0 else places[-1]
        self._go_to(int(order[0] if len(order) else around))

    def action_response(self) -> None:
        """Change to the other model's response."""
        self._writer = "base" if self._writer == "tuned" else "tuned"
        self._start_over()

    def action_colour(self) -> None:
        self._coloured = "gain" if self._coloured == "kl" else "kl"
        self.show_everything()

    def _back(self) -> bool:
        return False

    def action_export(self) -> None:
        """Export every place of the response, and what the models prefer there."""
        found = self._found
        if found is None:
            self.ui.say("There is nothing to export yet.", severity="warning")
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
            self.ui.copy(copied(self._found, self._place))

    def _twin_values(self) -> Mapping[str, Value]:
        assert self._prompt is not None
        return {
            "prompt": option("prompt", self._prompt.text),
            "template": option("chat-template", self._prompt.chat_template),
            "writer": option("response-from", None if self._writer == "tuned" else self._writer),
        }
