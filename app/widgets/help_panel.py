"""The help panel: a view's keys, what it shows and how to read that, and the keys of the app."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from app.terminal.screen import SteadySize

Keys = tuple[str, str]
"""The keys of an action, and what it does."""


class HelpPanel(SteadySize, ModalScreen[None]):
    """Keys, prose, and keys that work everywhere; any of ?, q or escape closes it."""

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
    HelpPanel .below { margin-top: 1; }
    """

    def __init__(
        self, title: str, prose: str, keys: Sequence[Keys], everywhere: Sequence[Keys] = ()
    ) -> None:
        """Args: title; prose: paragraphs as shown; keys of what is shown, and of the whole app."""
        super().__init__()
        self._title = title
        self._prose = prose
        self._keys = keys
        self._everywhere = everywhere

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = self._title
            box.border_subtitle = "esc closes"
            yield Static(_table(self._keys), markup=False)
            yield Static(self._prose, markup=False, classes="below")
            if self._everywhere:
                table = f"Everywhere\n{_table(self._everywhere)}"
                yield Static(table, markup=False, classes="below")

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _table(keys: Sequence[Keys]) -> str:
    width = max((len(names) for names, _ in keys), default=0)
    return "\n".join(f"{names:<{width}}  {meaning}" for names, meaning in keys)
