"""The prompt entry: any text, kept to the character, shown harmlessly."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rich.text import Text
from textual.document._document import Document, EditResult, Location
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.widgets import TextArea

from app.terminal_text import visible


def one_to_one(text: str) -> str:
    """The text with every control, bidirectional or invisible character drawn as one visible one.

    Unlike `terminal_text.visible` it keeps the number of characters, so that positions stay.
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
    """A document whose lines end at newlines only, so that the text comes out as it went in.

    Textual's own also breaks at form feeds, vertical tabs, separators and U+2028, and joins with
    another character than it broke at.
    """

    def __init__(self, text: str) -> None:
        super().__init__("")
        self._newline = "\n"
        self._lines = text.split("\n")

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        """Replace a range; terminals paste line ends as carriage returns, which become newlines."""
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


class PromptEntry(TextArea):
    """A multi-line entry that never changes a character and never sends one to the terminal raw."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(
            text,
            soft_wrap=True,
            tab_behavior="focus",
            show_line_numbers=False,
            highlight_cursor_line=False,
            placeholder="Type or paste a prompt, or choose an example.",
            id=id,
        )
        self.cursor_blink = False

    def _set_document(self, text: str, language: str | None) -> None:
        super()._set_document("", language)
        self.document = ExactDocument(text)
        self.wrapped_document = WrappedDocument(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._build_highlight_map()
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    def get_line(self, line_index: int) -> Text:
        """A line as it is drawn."""
        return Text(one_to_one(self.document.get_line(line_index)), end="", no_wrap=True)
