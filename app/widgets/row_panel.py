"""The panel that shows one row of a table in full: the name of every column, and its cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Static

from app.widgets.panel import Panel


class RowPanel(Panel):
    """Names beside cells, which are wrapped; space closes it too."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "dismiss(None)", "Close", show=False)]

    def __init__(self, title: str, cells: Sequence[tuple[str, str]]) -> None:
        """Args: title; cells: (name, text), in order. All must be harmless."""
        super().__init__(title)
        self._cells = cells

    def contents(self) -> Iterable[Static]:
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(style="bold", max_width=32, overflow="fold")
        grid.add_column(ratio=1, overflow="fold")
        for name, text in self._cells:
            grid.add_row(Text(name), Text(text))
        yield Static(grid, markup=False)
