"""The two models, told apart by a mark and a colour that are the same everywhere.

A mark stands before a model's name: in titles, tables, legends and headers. `ColouredMarks` gives
it its colour wherever it is drawn, whatever the text around it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as ThemeColor
from textual.filter import LineFilter


class ModelMark(NamedTuple):
    """How a model is marked; the colours are for dark and for light themes."""

    glyph: str
    ascii: str
    dark: str
    light: str


# Hollow and filled, blue and green: apart by shape, by lightness and for colour-blind readers.
MARKS = (
    ModelMark("○", "o", dark="#79b8ff", light="#0550ae"),
    ModelMark("●", "x", dark="#b5d65a", light="#4d6b00"),
)
"""The marks of the base and of the tuned model."""

_SPLIT = re.compile("([{}])".format("".join(mark.glyph for mark in MARKS)))


def marked(side: int, name: str, *, ascii_only: bool = False) -> str:
    """A model's name behind the mark of the base (0) or the tuned model (1); "" for no name."""
    return name and f"{MARKS[side].ascii if ascii_only else MARKS[side].glyph} {name}"


def marked_column(name: str, *, ascii_only: bool = False) -> str:
    """A column's name, ``pairs_base``, behind the mark of the model that it is about, if of one."""
    words = name.split("_")
    sides = [side for side, role in enumerate(("base", "tuned")) if role in words]
    return marked(sides[0], name, ascii_only=ascii_only) if len(sides) == 1 else name


def side_of(name: str) -> int | None:
    """Whose name this is by its mark: the base (0) or the tuned model's (1); None for no mark."""
    glyphs = [mark.glyph for mark in MARKS]
    return glyphs.index(name[0]) if name[:1] in glyphs else None


@lru_cache(4)
def colour_of(side: int, *, dark: bool) -> Color:
    """The colour of a model."""
    return Color.parse(MARKS[side].dark if dark else MARKS[side].light)


class ColouredMarks(LineFilter):
    """Gives the marks their colours.

    Args:
        dark: Whether the theme is a dark one, now.
        enabled: Whether there are colours.
    """

    def __init__(self, dark: Callable[[], bool], *, enabled: bool = True) -> None:
        super().__init__(enabled=enabled)
        self._dark = dark

    def apply(self, segments: list[Segment], background: ThemeColor) -> list[Segment]:
        """The segments, with each mark in one of its own."""
        if not any(mark.glyph in segment.text for segment in segments for mark in MARKS):
            return segments
        styles = {
            mark.glyph: Style(color=colour_of(side, dark=self._dark()))
            for side, mark in enumerate(MARKS)
        }
        return [
            Segment(text, (style or Style()) + styles[text] if text in styles else style, control)
            for whole, style, control in segments
            for text in (_SPLIT.split(whole) if not control else [whole])
            if text
        ]
