"""The colour scales as named styles and in legends, and the scale spread over what is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.style import Style

from app.terminal.colours import (
    GLYPHS,
    LEVELS,
    NEGATIVE_GLYPH,
    Palette,
    palette_of,
    signed_styles,
)
from app.widgets.cell_map import ASCII_GLYPHS
from app.widgets.lines import Line, Part

if TYPE_CHECKING:
    from textual.app import App

KEPT, GAINED, LOST = "", "signed 2", "signed -2"
"""The styles of what tuning kept, gained and lost."""

_SAMPLES = (2, 5, 8, 10)
"""The levels of a signed scale that a legend shows."""


def sign_of(style: str, *, ascii_only: bool) -> str:
    """The sign that says without colours what one of these styles says."""
    return {KEPT: "=", GAINED: "+", LOST: "-" if ascii_only else "−"}[style]


def change_style(cell: object) -> str:
    """The style of a signed number in a table: of a rise, of a fall, or dimmed."""
    change = cell if isinstance(cell, int | float) else 0
    return GAINED if change > 0 else LOST if change < 0 else "dim"


def scale_style(app: App[object], name: str) -> Style | None:
    """The style of a name; None if it is not one of the scales'.

    ``level 0`` to ``level 10`` are grounds without text, ``shade 0`` to ``shade 10`` the same with
    text that is legible on them; ``weighs -10`` to ``weighs 10`` are grounds from what weighs
    against something to what weighs for it; ``signed -2`` to ``signed 2`` are texts from a fall
    to a rise; ``mark`` is the mark of an instruction.
    """
    scale, _, number = name.partition(" ")
    palette = palette_of(app)
    match scale:
        case "level":
            return palette.fills[int(number)]
        case "shade":
            return palette.levels[int(number)]
        case "weighs":
            return palette.signed[int(number) < 0][abs(int(number))]
        case "signed":
            styles = signed_styles(dark=app.current_theme.dark, mono=palette.mono)
            return styles[len(styles) // 2 + int(number)]
        case "mark":
            return palette.mark
    return None


def scale_line(palette: Palette, low: str, high: str, *, ascii_only: bool = False) -> list[Part]:
    """The scale from its first level that is not nothing, between the words for both ends."""
    plain = palette.mono and ascii_only
    cells = [
        (ASCII_GLYPHS[level] if plain else palette.cell(level, 1), f"level {level}")
        for level in range(1, LEVELS)
    ]
    return [(f"{low} ", "dim"), *cells, (f" {high}", "dim")]


def signed_line(
    palette: Palette,
    *,
    brief: bool,
    ascii_only: bool,
    ends: tuple[str, str] = ("against", "for the answer"),
) -> list[Part]:
    """Some levels of what weighs against and for something, between the words for both ends.

    Of the last end's words only the first stands in a `brief` line.
    """
    low, high = ends
    minus = "-" if ascii_only else NEGATIVE_GLYPH
    cells = [
        ((minus if level < 0 else "") + GLYPHS[abs(level)] if palette.mono else " ", level)
        for level in (*(-level for level in reversed(_SAMPLES)), *_SAMPLES)
    ]
    shown = [(text, f"weighs {level}") for text, level in cells]
    return [(f" {low} ", "dim"), *shown, (f" {high.split()[0] if brief else high}", "dim")]


def signs_line(*, ascii_only: bool) -> Line:
    """What the signs and colours of kept, gained and lost are."""
    named = ((KEPT, "kept"), (GAINED, "gained"), (LOST, "lost"))
    return [(f"{sign_of(style, ascii_only=ascii_only)} {name}  ", style) for style, name in named]


@dataclass(frozen=True)
class Span:
    """The range that the scale is spread over: from the lowest number that is there to the highest.

    Its lowest level is for zero alone, whatever the range.
    """

    lowest: float = 0.0
    highest: float = 0.0

    @staticmethod
    def of(values: Iterable[NDArray[np.float64]]) -> Span:
        """The range of some arrays of numbers from 0 on; NaN is none."""
        known = [each[~np.isnan(each)] for each in values]
        there = np.concatenate(known) if known else np.zeros(0)
        return Span(float(there.min()), float(there.max())) if len(there) else Span()

    def levels(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The level of each number, uint8 0..10; NaN has that of zero."""
        numbers = np.nan_to_num(values)
        width = self.highest - self.lowest
        share = (numbers - self.lowest) / width if width else np.ones_like(numbers)
        levels = np.where(numbers > 0, 1 + np.rint((LEVELS - 2) * share), 0)
        return np.clip(levels, 0, LEVELS - 1).astype(np.uint8)

    def shade(self, cell: object) -> str:
        """The style of a number in a table, which has its level for a ground; of others, of 0."""
        number = float(cell) if isinstance(cell, int | float) else 0.0
        return f"shade {int(self.levels(np.array([number]))[0])}"
