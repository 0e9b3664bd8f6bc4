"""The panel that shows one row of a table in full: the name of every column, and its cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from app.terminal.screen import SteadySize


class RowPanel(SteadySize, ModalScreen[None]):
    """Names beside cells, which are wrapped; space, escape, enter or q closes it."""

    # The box handles the keys for pages and for both ends.
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,space,q,enter", "dismiss(None)", "Close", show=False),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
    ]
    DEFAULT_CSS = """
    RowPanel { align: center middle; }
    RowPanel > VerticalScroll {
        width: 90%; max-width: 120; height: auto; max-height: 95%;
        border: round $primary; padding: 0 2; background: $surface;
    }
    """

    def __init__(self, title: str, cells: Sequence[tuple[str, str]]) -> None:
        """Args: title; cells: (name, text), in order. All must be harmless."""
        super().__init__()
        self._title = title
        self._cells = cells

    def compose(self) -> ComposeResult:
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(style="bold", max_width=32, overflow="fold")
        grid.add_column(ratio=1, overflow="fold")
        for name, text in self._cells:
            grid.add_row(Text(name), Text(text))
        with VerticalScroll() as box:
            box.border_title = self._title
            box.border_subtitle = "esc closes"
            yield Static(grid, markup=False)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
