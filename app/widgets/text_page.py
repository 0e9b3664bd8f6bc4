"""A page of text that scrolls with the keyboard."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static


class TextPage(VerticalScroll, can_focus=True):
    """Shows one text, which must already be harmless."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
    ]
    DEFAULT_CSS = """
    TextPage { scrollbar-size-vertical: 1; }
    TextPage > Static { width: 1fr; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._shown: Content | None = None

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def show(self, text: Content, *, from_top: bool) -> None:
        """Show another text; repaints only if it changed."""
        if self._shown is None or not self._shown.is_same(text):
            self._shown = text
            self.query_one(Static).update(text)
        if from_top:
            self.scroll_home(animate=False)

    @property
    def plain(self) -> str:
        return "" if self._shown is None else self._shown.plain
