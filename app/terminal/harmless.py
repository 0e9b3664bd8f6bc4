"""The last line of defence: no control or reordering character leaves for the terminal.

Every text is made visible where it is drawn (`text`). This filter catches what comes by other ways,
such as a paste into the palette's entry: of U+202E, U+009B and U+0090 pasted there once, Textual
8.2.8 sends each 126 times to the terminal, and with the filter none.
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
        """The same segments, those with unprintable characters rewritten."""
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
    """The text in as many cells, without unprintable characters."""
    return "".join(
        char if char.isprintable() or char == "\xa0" else "·" * cell_len(char) for char in text
    )
