"""A box over the screen that is read and closed: what it holds scrolls by keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from app.terminal.screen import SteadySize


class Panel(SteadySize, ModalScreen[None]):
    """What `contents` yields, one below the other; escape, enter or q closes it."""

    # The box handles the keys for pages and for both ends.
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss(None)", "Close", show=False),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
    ]
    DEFAULT_CSS = """
    Panel { align: center middle; }
    Panel > VerticalScroll {
        width: 90%; max-width: 120; height: auto; max-height: 95%;
        border: round $primary; padding: 0 2; background: $surface;
    }
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def contents(self) -> Iterable[Static]:
        """What the panel shows."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = self._title
            box.border_subtitle = "esc closes"
            yield from self.contents()

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
