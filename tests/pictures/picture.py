"""A picture of a screen: its text, its colours, and what would make it a bad one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len
from rich.color import Color
from rich.style import Style
from textual.app import App

# With fewer visible characters between the header and the key line a picture shows nothing.
_BLANK = 40
_SIGNS_OF_A_FAULT = ("Traceback (most recent call last)", "Error: ", "object at 0x")


class Look(NamedTuple):
    """How text stands on the screen; colours as #rrggbb."""

    colour: str
    ground: str
    bold: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False


class Run(NamedTuple):
    """Text of one look within a row, and the cell that it begins in."""

    column: int
    text: str
    look: Look

    @property
    def width(self) -> int:
        """In cells."""
        return cell_len(self.text)


class Picture(NamedTuple):
    """A screen.

    Attributes:
        size: Its columns and rows.
        rows: The runs of each row, which cover it.
        ground: The screen's own colour, #rrggbb.
    """

    size: tuple[int, int]
    rows: tuple[tuple[Run, ...], ...]
    ground: str

    @classmethod
    def of(cls, app: App[object]) -> Picture:
        """What an app shows now."""
        theme = app.current_theme
        ground = Color.parse(theme.background or ("#121212" if theme.dark else "#e0e0e0"))
        colour = Color.parse(theme.foreground or ("#e0e0e0" if theme.dark else "#121212"))
        plain = Style.from_color(colour, ground)
        strips = app.screen._compositor.render_strips()
        rows = tuple(
            tuple(_runs((each.text, plain + (each.style or plain)) for each in strip))
            for strip in strips
        )
        return cls((app.size.width, app.size.height), rows, _hex(ground))

    @property
    def text(self) -> str:
        """What it says, a line a row."""
        return "\n".join("".join(run.text for run in row).rstrip() for row in self.rows)

    def faults(self) -> list[str]:
        """Why it is no good picture; nothing for a good one."""
        found = []
        columns, lines = self.size
        widths = {sum(run.width for run in row) for row in self.rows}
        if len(self.rows) != lines or widths - {columns}:
            found.append(f"{len(self.rows)} rows of {sorted(widths)} cells on {columns}x{lines}")
        text = self.text
        if len("".join(text.split("\n")[1:-1]).replace(" ", "")) < _BLANK:
            found.append("nearly blank")
        found += [f"{sign!r} on the screen" for sign in _SIGNS_OF_A_FAULT if sign in text]
        return found


def _runs(segments: Iterator[tuple[str, Style]]) -> Iterator[Run]:
    column = 0
    looks = ((text, _look(style)) for text, style in segments if text)
    for look, group in groupby(looks, key=lambda each: each[1]):
        run = Run(column, "".join(text for text, _ in group), look)
        yield run
        column += run.width


def _look(style: Style) -> Look:
    colour, ground = _hex(style.color), _hex(style.bgcolor)
    if style.reverse:
        colour, ground = ground, colour
    flags = (style.bold, style.italic, style.underline, style.strike)
    return Look(colour, ground, *map(bool, flags))


def _hex(colour: Color | None) -> str:
    assert colour is not None
    return colour.get_truecolor().hex
