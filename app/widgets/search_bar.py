"""The search bar: one line at the bottom of a view for words to find."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Paste
from textual.message import Message
from textual.widgets import Input


class SearchBar(Input):
    """Hidden until opened; reports the search text while it is typed and when it is submitted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "Close", show=False),
        Binding("down", "leave", "To the rows that are left", show=False),
    ]
    DEFAULT_CSS = """
    SearchBar { display: none; height: 1; border: none; padding: 0 1; background: $surface; }
    SearchBar:focus { border: none; }
    SearchBar.open { display: block; }
    """

    class Sought(Message):
        """The search text has changed."""

        def __init__(self, bar: SearchBar, text: str, *, finished: bool) -> None:
            super().__init__()
            self.bar = bar
            self.text = text
            self.finished = finished

        @property
        def control(self) -> SearchBar:
            """The bar, for `@on(SearchBar.Sought, "#id")`."""
            return self.bar

    class Left(Message):
        """The user goes on to the rows that what was typed has left of a table."""

    def __init__(
        self,
        placeholder: str,
        *,
        id: str | None = None,  # noqa: A002 - Textual's own name
        filters: bool = False,
    ) -> None:
        """Args: shown while empty; the widget's id; whether a table is filtered as one types."""
        super().__init__(placeholder=placeholder, select_on_focus=False, compact=True, id=id)
        self.cursor_blink = False
        self._filters = filters

    def open(self, value: str = "") -> None:
        """Show the bar, empty or with an initial text, and take the focus."""
        self.add_class("open")
        self.value = value
        self.cursor_position = len(value)
        self.focus()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key is typed here; this includes the slash, which elsewhere opens the bar."""
        return key == "slash" or super().check_consume_key(key, character)

    def on_paste(self, event: Paste) -> None:
        """Insert a paste without its control characters."""
        event.prevent_default()
        event.stop()
        self.insert_text_at_cursor("".join(char for char in event.text if char.isprintable()))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.has_class("open"):
            self.post_message(self.Sought(self, event.value, finished=False))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.remove_class("open")
        self.post_message(self.Sought(self, event.value, finished=True))

    def action_leave(self) -> None:
        if self._filters:
            self.remove_class("open")
            self.post_message(self.Left())

    def on_focus(self) -> None:
        """It may be shown all the time, and focused by a click."""
        self.add_class("open")

    def action_give_up(self) -> None:
        self.remove_class("open")
        self.value = ""
        self.post_message(self.Sought(self, "", finished=True))
