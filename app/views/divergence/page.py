"""The response, coloured, and below it what each model would say at the cursor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize

from analysis.divergence.result import Divergence
from app.terminal.colours import palette_of
from app.terminal.model_marks import marked
from app.terminal.text import prose
from app.views.divergence.response import ColouredBy, ResponseText, response_map
from app.views.divergence.text import choice_lines, curves, findings, strip
from app.widgets.lines import Line, Lines
from app.widgets.plot import Plot
from app.widgets.scale import scale_line, signed_line
from app.widgets.scaled_lines import ScaledLines

PLOT_FROM_HEIGHT = 34


class ResponsePage(Vertical):
    """Findings, the response, curves where there is room, and the choices at a place."""

    def __init__(self, follow: Callable[[], None], *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        """Args: called when the user moves the cursor; plain ASCII; the widget's id."""
        super().__init__(id=id)
        self._ascii, self._follow = ascii_only, follow
        self._found: Divergence | None = None
        self._names = ("", "")
        self.coloured: ColouredBy = "kl"

    def compose(self) -> ComposeResult:
        yield Lines(id="finding")
        yield ResponseText(ascii_only=self._ascii, follow=lambda _: self._moved(), id="response")
        yield Plot(ascii_only=self._ascii, id="plot")
        yield Lines(id="strip")
        yield Lines(id="choices")
        yield ScaledLines(id="legend")

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.height < PLOT_FROM_HEIGHT - 4, "-low")
        self.call_after_refresh(self._show_lines)

    @property
    def _text(self) -> ResponseText:
        return self.query_one(ResponseText)

    @property
    def place(self) -> int:
        """The place under the cursor."""
        return self._text.cursor[0]

    @property
    def parts_here(self) -> bool:
        """Whether first choices differ at the cursor."""
        return self._found is not None and bool(self._found.parted[self.place])

    def focus_shown(self) -> None:
        self._text.focus()

    def show(self, found: Divergence, names: tuple[str, str]) -> None:
        """Show a response; `names` are the models', harmless, behind their marks."""
        if found is not self._found:
            self._text.move_cursor(0, 0)
        self._found, self._names = found, names
        text = self._text
        text.coloured_by = "whole"
        text.show(response_map(found, self.coloured, ascii_only=self._ascii))
        side = 0 if found.writer == "base" else 1
        whose = marked(side, prose(found.names[side]), ascii_only=self._ascii)
        what = "KL(tuned ‖ base)" if self.coloured == "kl" else "log p by tuned − log p by base"
        text.border_title = Text(prose(f"{whose}'s response · {what}", ascii_only=self._ascii))
        self._show_lines()

    def turn_colour(self) -> None:
        """Colour by the gain in place of KL, or back."""
        self.coloured = "gain" if self.coloured == "kl" else "kl"
        if self._found is not None:
            self.show(self._found, self._names)

    def go_to(self, place: int) -> None:
        self._text.move_cursor(place, 0)
        self._show_place()

    def go_to_parted(self, by: int) -> None:
        """Go to the next (1) or previous (-1) place where first choices differ, round the end."""
        assert self._found is not None
        places = np.flatnonzero(self._found.parted)
        behind = places[places > self.place] if by > 0 else places[places < self.place][::-1]
        around = places[0] if by > 0 else places[-1]
        self.go_to(int(behind[0] if len(behind) else around))

    def _moved(self) -> None:
        self._show_place()
        self._follow()

    def _show_lines(self) -> None:
        found = self._found
        if found is None:
            return
        above = findings(found, self.size.width - 2, ascii_only=self._ascii)
        lines = self.query_one("#finding", Lines)
        lines.styles.height = max(1, len(above))
        lines.show(*above)
        palette = palette_of(self.app)
        legend: Line = [("▌ first choices differ   ", "mark")]
        if self.coloured == "kl":
            largest = f"{float(found.kl.max()):.1f} nats"
            ends = scale_line(palette, "KL 0", largest, ascii_only=self._ascii)
        else:
            words = ("less", "more likely")
            ends = signed_line(palette, brief=False, ascii_only=self._ascii, ends=words)
        self.query_one("#legend", ScaledLines).show([*legend, *ends])
        self._show_place()

    def _show_place(self) -> None:
        found = self._found
        if found is None:
            return
        width, ascii_only = self.size.width - 2, self._ascii
        bars = strip(found, self.place, width, ascii_only=ascii_only)
        self.query_one("#strip", Lines).show(bars)
        choices = choice_lines(found, self.place, self._names, width, ascii_only=ascii_only)
        self.query_one("#choices", Lines).show(*choices)
        if not self.has_class("-low"):
            self.query_one(Plot).show(curves(found, self._names, self.place))
