"""The plot widget: a few lines over labelled axes.

It draws with `line_drawing` because textual-plot 0.10 distinguishes lines by colour alone and has
no ASCII mode, and under NO_COLOR its canvas makes segments without a style, which crash a Textual
8.2 app.
"""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.events import Resize
from textual.strip import Strip
from textual.widget import Widget

from app.terminal.model_marks import colour_of, side_of
from app.widgets.line_drawing import PlotData, plot_lines
from app.widgets.lines import Line, text_style


class Plot(Widget, can_focus=True):
    """Draws one `PlotData`, filling its space."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"plot--axis", *(f"plot--{n}" for n in range(4))}
    DEFAULT_CSS = """
    Plot .plot--axis { color: $text-muted; }
    Plot .plot--0 { color: $text-accent; }
    Plot .plot--1 { color: $text-warning; }
    Plot .plot--2 { color: $text-primary; }
    Plot .plot--3 { color: $foreground; }
    """

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self._data: PlotData | None = None
        self._drawn: list[Line] = []

    def show(self, data: PlotData) -> None:
        self._data = data
        self._draw()

    def on_resize(self, event: Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._data is not None:
            self._drawn = plot_lines(self._data, *self.size, ascii_only=self._ascii)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        line = self._drawn[y] if y < len(self._drawn) else ()
        segments = [Segment(text, base + self._style(name)) for text, name in line]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _style(self, name: str) -> Style:
        """The style of a part: a model's lines have its colour, the others that of their number."""
        if not name:
            return Style.null()
        if name.isdigit() and self._data is not None:
            side = side_of(self._data.series[int(name)].name)
            if side is not None and not self.app.no_color:
                return Style(color=colour_of(side, dark=self.app.current_theme.dark))
        return text_style(self, f"plot--{name}")
