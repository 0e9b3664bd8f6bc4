"""The prompt entry: preserves any text exactly and displays it harmlessly."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.document._document import Document, EditResult, Location, Selection
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.events import Key, Paste
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import Reactive, reactive
from textual.widgets import Button, Checkbox, TextArea

from app.terminal.text import visible


def one_to_one(text: str) -> str:
    """The text with every control, bidirectional or invisible character replaced by a visible one.

    Unlike `terminal.text.visible` it preserves the number of characters, and so positions.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_drawn(character) for character in text)


@lru_cache(4096)
def _drawn(character: str) -> str:
    if character in " \t" or unicodedata.combining(character):
        return character
    shown = visible(character)
    return shown if len(shown) == 1 else "¤"


class ExactDocument(Document):
    """A document whose lines end only at newlines, so that the text is preserved exactly.

    Textual's own also breaks at form feeds, vertical tabs, separators and U+2028, and joins lines
    with a different character.
    """

    def __init__(self, text: str) -> None:
        super().__init__("")
        self._newline = "\n"
        self._lines = text.split("\n")

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        """Replace a range; pasted carriage returns (terminals' line ends) become newlines."""
        top, bottom = sorted((start, end))
        replaced = self.get_text_range(top, bottom)
        lines = self._lines
        before = lines[top[0]][: top[1]]
        after = lines[bottom[0]][bottom[1] :] if bottom[0] < len(lines) else ""
        inserted = re.sub("\r\n?", "\n", text).split("\n")
        end_row = top[0] + len(inserted) - 1
        end_column = len(inserted[-1]) + (len(before) if len(inserted) == 1 else 0)
        inserted[0] = before + inserted[0]
        inserted[-1] += after
        lines[top[0] : bottom[0] + 1] = inserted
        return EditResult((end_row, end_column), replaced)


@dataclass(frozen=True)
class _Line:
    """A visible line as drawn, and the cursor's place on it; None if it is on another line.

    The place is a cell and, since some characters take no cell, a character.
    """

    text: str
    cursor: tuple[int, int] | None

    def first_change(self, other: _Line) -> int:
        """The first cell that may look different in another state of the line."""
        pairs = enumerate(zip(self.text, other.text, strict=False))
        shorter = min(len(self.text), len(other.text))
        same = self.text[: next((at for at, (a, b) in pairs if a != b), shorter)]
        if "\t" in same:
            return 0
        cursors = [each[0] for each in (self.cursor, other.cursor) if each is not None]
        # Two cells fewer: a combining mark changes the look of the character before it.
        return max(0, min([cell_len(same), *cursors]) - 2)


@dataclass(frozen=True)
class _Sight:
    """Everything that determines how the entry looks."""

    size: Size
    scroll: Offset
    selected: Selection | None
    placeholder: bool
    lines: tuple[_Line, ...]


def _keys(binding: BindingType) -> set[str]:
    keys = binding.key if isinstance(binding, Binding) else binding[0]
    return set(keys.split(","))


class PromptEntry(TextArea, inherit_bindings=False):
    """A multi-line entry that never alters a character and never sends one raw to the terminal.

    Textual's own repaints itself completely on every cursor move, 10 KB per keystroke; this one
    repaints only what looks different.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # The function keys lead to the other views.
        *(each for each in TextArea.BINDINGS if not {"f6", "f7"} & _keys(each)),
        # Textual's own key for it, ctrl-z, leads back to the shell here.
        Binding("ctrl+underscore", "undo", show=False),
    ]

    class Replaced(Message):
        """A paste took the place of a text."""

    class Stepped(Message):
        """The arrow up (-1) or down (1) in an empty entry, where there is no line to go to."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    selection: Reactive[Selection] = reactive(
        Selection(), init=False, always_update=True, repaint=False
    )

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002
        # What `load_text` put there.
        self._loaded = text
        super().__init__(
            text,
            soft_wrap=True,
            tab_behavior="focus",
            show_line_numbers=False,
            highlight_cursor_line=False,
            placeholder="Type or paste a prompt, or choose an example with up and down.",
            id=id,
        )
        self.cursor_blink = False
        # A matching bracket may be anywhere in the text, and nobody looks for it in prose.
        self.match_cursor_bracket = False

    def load_text(self, text: str) -> None:
        """Replace the text by one that nobody has written here, with the cursor at its end."""
        super().load_text(text)
        self._loaded = text
        self.move_cursor(self.document.end)

    async def _on_paste(self, event: Paste) -> None:
        event.stop()
        event.prevent_default()
        self.paste(event.text)

    def paste(self, text: str) -> None:
        """Insert text at the cursor, or in place of one that was loaded and not edited.

        Undo restores the previous text. The entry takes the focus.
        """
        untouched = self.text == self._loaded
        if untouched and self.text.strip():
            self.post_message(self.Replaced())
        place = (self.document.start, self.document.end) if untouched else self.selection
        if result := self._replace_via_keyboard(text, *place):
            self.move_cursor(result.end_location)
        self.focus()

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Enter is left to the view."""
        return key != "enter" and super().check_consume_key(key, character)

    async def _on_key(self, event: Key) -> None:
        # As some terminals end the lines of a paste that they do not mark as one.
        if event.key == "ctrl+j":
            event.stop()
            event.prevent_default()
            self.write("\n")

    def action_cursor_up(self, select: bool = False) -> None:
        self._step(-1) if not self.text else super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        self._step(1) if not self.text else super().action_cursor_down(select)

    def _step(self, by: int) -> None:
        self.post_message(self.Stepped(by))

    def write(self, text: str) -> None:
        """Insert text at the cursor, as if it were typed."""
        self._replace_via_keyboard(text, *self.selection)

    _shown: _Sight | None = None

    def _watch_selection(self, previous_selection: Selection, selection: Selection) -> None:
        # Every edit ends with a selection.
        super()._watch_selection(previous_selection, selection)
        before, self._shown = self._shown, self._sight()
        self._repaint(before, self._shown)

    def _repaint(self, before: _Sight | None, now: _Sight) -> None:
        """Repaint changed lines, each from its first changed cell to its end."""
        if before is None or replace(before, lines=now.lines) != now:
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before.lines, now.lines, strict=True)):
            if old != new:
                x = old.first_change(new)
                self.refresh(Region(x, y, max(0, now.size.width - x), 1))

    def _sight(self) -> _Sight:
        start, end = self.selection
        top, height = self.scroll_offset.y, self.size.height
        cursor_x, cursor_y = self._cursor_offset
        lines = [
            _Line(one_to_one(self._text_at(y)), (cursor_x, end[1]) if y == cursor_y else None)
            for y in range(top, top + height)
        ]
        selected = None if start == end else self.selection
        return _Sight(self.size, self.scroll_offset, selected, not self.text, tuple(lines))

    def _text_at(self, y: int) -> str:
        """The text of a wrapped line; empty below the last."""
        if y >= self.wrapped_document.height:
            return ""
        line, section = self.wrapped_document._offset_to_line_info[y]
        return self.wrapped_document.get_sections(line)[section]

    def _set_document(self, text: str, language: str | None) -> None:
        super()._set_document("", language)
        self.document = ExactDocument(text)
        self.wrapped_document = WrappedDocument(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._build_highlight_map()
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()
        self._shown = None
        self.refresh()

    def get_line(self, line_index: int) -> Text:
        return Text(one_to_one(self.document.get_line(line_index)), end="", no_wrap=True)


class CheckBox(Checkbox):
    """Reads without colours: its mark is there only when it is on, not only another colour."""

    BUTTON_LEFT = "["
    BUTTON_INNER = " "
    BUTTON_RIGHT = "]"

    def watch_value(self) -> None:
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()


class PushButton(Button, inherit_css=False):
    """`Button` without the styles of all its variants, which are slow to parse."""

    DEFAULT_CSS = """
    PushButton {
        width: auto;
        min-width: 16;
        height: auto;
        line-pad: 1;
        text-align: center;
        content-align: center middle;
        pointer: pointer;
        text-style: bold;
        color: $button-color-foreground;
        background: $primary;
    }
    PushButton:focus { text-style: $button-focus-text-style; background-tint: $foreground 5%; }
    PushButton:hover { background: $primary-darken-2; }
    PushButton.-active { background: $primary; tint: $background 30%; }
    """
