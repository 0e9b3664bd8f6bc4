"""Which layers carry the choice: the logit difference as one model's states enter the other."""

from __future__ import annotations

from textwrap import wrap

import numpy as np
from textual.app import ComposeResult
from textual.containers import Vertical

from analysis.patching.result import Patching
from analysis.patching.sentences import finding
from app.terminal.text import prose
from app.widgets.line_drawing import PlotData, Series
from app.widgets.lines import Lines
from app.widgets.plot import Plot

_NAMES_FROM = 110

WHAT = {
    "stream": "residual stream after layers",
    "attention": "attention's output of layer",
    "feed_forward": "feed-forward output of layer",
}


class LayersPage(Vertical):
    """A curve for each receiver, and what they show in words."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only

    def compose(self) -> ComposeResult:
        yield Plot(ascii_only=self._ascii, id="patching")
        yield Lines(id="layers-said")

    def show(self, found: Patching, names: tuple[str, str], width: int) -> None:
        """Show both directions."""
        # Where there is no room for names, their marks stand for them.
        called = names if width >= _NAMES_FROM else (names[0][:1], names[1][:1])
        self.query_one(Plot).show(curves(found, called))
        said = prose(" ".join((*finding(found), *found.notes)), ascii_only=self._ascii)
        lines = wrap(said, max(20, width), max_lines=8)
        below = self.query_one(Lines)
        below.styles.height = len(lines)
        below.show(*([(line, "")] for line in lines))

    def focus_shown(self) -> None:
        self.query_one(Plot).focus()


def curves(found: Patching, names: tuple[str, str]) -> PlotData:
    """The logit difference by layer: each model with the other's states, and as it is."""
    points = np.arange(found.points)
    series = [
        Series(f"{names[receiver]} with the other's", points, found.patched.difference[receiver])
        for receiver in (0, 1)
    ]
    series += [
        Series(f"{names[side]} alone", points, np.full(len(points), found.alone.difference[side]))
        for side in (0, 1)
    ]
    first, second = (found.text(token) for token in found.tokens)
    title = prose(f"logit(“{second}”) − logit(“{first}”), by {WHAT[found.part]}")
    return PlotData(title, tuple(series))
