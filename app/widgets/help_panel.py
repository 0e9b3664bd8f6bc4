"""The help panel: a view's keys, what it shows and how to read that, and the keys of the app."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Static

from app.widgets.panel import Panel

Keys = tuple[str, str]
"""The keys of an action, and what it does."""


class HelpPanel(Panel):
    """Keys, prose, and keys that work everywhere; the keys for help close it too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "dismiss(None)", "Close", show=False)
    ]
    DEFAULT_CSS = """
    HelpPanel > VerticalScroll { max-width: 100; }
    HelpPanel .below { margin-top: 1; }
    """

    def __init__(
        self, title: str, prose: str, keys: Sequence[Keys], everywhere: Sequence[Keys] = ()
    ) -> None:
        """Args: title; prose: paragraphs as shown; keys of what is shown, and of the whole app."""
        super().__init__(title)
        self._prose = prose
        self._keys = keys
        self._everywhere = everywhere

    def contents(self) -> Iterable[Static]:
        yield Static(_table(self._keys), markup=False)
        yield Static(self._prose, markup=False, classes="below")
        if self._everywhere:
            table = f"Everywhere\n{_table(self._everywhere)}"
            yield Static(table, markup=False, classes="below")


def _table(keys: Sequence[Keys]) -> str:
    width = max((len(names) for names, _ in keys), default=0)
    return "\n".join(f"{names:<{width}}  {meaning}" for names, meaning in keys)
