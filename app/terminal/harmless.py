"""The last line of defence: no control or reordering character reaches the terminal.

All text is made visible where it is drawn (`text`). This filter catches what arrives in other ways,
such as a paste into the palette's entry: Textual 8.2.8 sends each of U+202E, U+009B and U+0090,
pasted there once, 126 times to the terminal; with the filter, never.
"""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter


class HarmlessText(LineFilter):
    """Replaces characters that are neither printable nor a space, keeping their width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments, with unprintable characters replaced."""
        if all(text.isprintable() for text, _, _ in segments):
            return segments
        return [
            segment
            if segment.text.isprintable() or segment.control
            else Segment(harmless(segment.text), segment.style)
            for segment in segments
        ]


@lru_cache(4096)
def harmless(text: str) -> str:
    """The text with unprintable characters replaced, at the same width."""
    return "".join(
        char if char.isprintable() or char == "\xa0" else "·" * cell_len(char) for char in text
    )
