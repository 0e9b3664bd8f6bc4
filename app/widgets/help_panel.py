"""The help panel: the keys of a view, then what it shows and how to read that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from app.terminal.screen import SteadySize


class HelpPanel(SteadySize, ModalScreen[None]):
    """A table of keys above, prose below; any of ?, q or escape closes it."""

    # The box handles the keys for pages and for both ends.
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q,enter", "dismiss(None)", "Close", show=False),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
    ]
    DEFAULT_CSS = """
    HelpPanel { align: center middle; }
    HelpPanel > VerticalScroll {
        width: 90%; max-width: 100; height: auto; max-height: 95%;
        border: round $primary; padding: 0 2; background: $surface;
    }
    HelpPanel .prose { margin-top: 1; }
    """

    def __init__(self, title: str, prose: str, keys: Sequence[tuple[str, str]]) -> None:
        """Args: title; prose: paragraphs as shown; keys: (keys, their function), in order."""
        super().__init__()
        self._title = title
        self._prose = prose
        self._keys = keys

    def compose(self) -> ComposeResult:
        width = max((len(keys) for keys, _ in self._keys), default=0)
        table = "\n".join(f"{keys:<{width}}  {meaning}" for keys, meaning in self._keys)
        with VerticalScroll() as box:
            box.border_title = self._title
            box.border_subtitle = "esc closes"
            yield Static(table, markup=False)
            yield Static(self._prose, markup=False, classes="prose")

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
