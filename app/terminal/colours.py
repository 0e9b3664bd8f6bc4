"""The one colour scale, eleven levels ordered by lightness, and one for signed differences.

The levels are evenly spaced in OKLab lightness; hue only helps. The control points are chosen so
that their nearest colours in the 256-colour palette, which Rich falls back to without true colour,
are distinct and in the same order. Terminals with 16 colours or fewer get shading glyphs instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.style import Style

from app.terminal.legibility import text_on

if TYPE_CHECKING:
    from textual.app import App

LEVELS = 11
"""Levels of a normalised score: 0..10."""

GLYPHS = " ··░░▒▒▓▓██"
"""Levels without colour."""

NEGATIVE_GLYPH = "−"
"""Before a level below zero, without colours."""

MISSING_GLYPH = "╌"
"""A cell not computed yet."""

# Hues from the first to the last level, and the lightness of both ends.
_DARK = (("#16161e", "#322d92", "#2a5da3", "#1b9a89", "#89b147", "#fbf55a"), 0.1975, 0.96)
_LIGHT = (("#eef4ee", "#d8d598", "#62d68b", "#3a6a9f", "#3c46a5", "#411644"), 0.95, 0.21)

# The lightness of the weakest and of the strongest level of a signed scale.
_WEIGHS_DARK, _WEIGHS_LIGHT = (0.29, 0.79), (0.95, 0.53)

# From a fall to a rise; blue and orange differ for every kind of colour vision.
_DIVERGING_DARK = ("#4fa3ff", "#8fb4dc", "#a8a8a8", "#dcae7c", "#ff9d2e")
_DIVERGING_LIGHT = ("#0050b3", "#355f8e", "#5f5f5f", "#7f4d14", "#9a3f00")

# Linear sRGB to OKLab (Ottosson 2020): to cone responses, then to lightness and two opponent axes.
_RGB_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_CONES_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@dataclass(frozen=True, eq=False)
class Palette:
    """Prebuilt styles for one kind of screen."""

    mono: bool
    """Whether levels are glyphs instead of colours."""
    colours: tuple[Color, ...]
    """The scale's colours, one per level."""
    levels: tuple[Style, ...]
    """One style per level: the scale's colour as background, with legible text."""
    fills: tuple[Style, ...]
    """The same for cells without text, in fewer bytes."""
    signed: tuple[tuple[Style, ...], tuple[Style, ...]]
    """What weighs for and what weighs against something, one style per level as `levels`."""
    cursor: Style
    """The cell under the cursor."""
    cursor_colour: Color
    missing: Style
    """Cells not computed yet, and rows that only the other model has."""
    missing_colour: Color
    here: Style
    """The labels of the cursor's row and column."""
    hit: Style
    """Labels that match a search."""
    mark: Style
    """The mark of an instruction."""

    def cell(self, level: int, width: int, *, digits: bool = False) -> str:
        """The text of a cell of this level, `width` columns wide."""
        if digits and level:
            return f"{level:^{width}}"
        return GLYPHS[level] * width if self.mono else " " * width


def colourless(app: App[object]) -> bool:
    """Whether an app's terminal has too few colours for a scale, or is told to show none."""
    return app.no_color or app.console.color_system not in ("truecolor", "256")


def palette_of(app: App[object]) -> Palette:
    """The palette for an app's theme and terminal."""
    return palette_for(dark=app.current_theme.dark, mono=colourless(app))


@cache
def signed_styles(*, dark: bool, mono: bool) -> tuple[Style, ...]:
    """The diverging scale, odd in number: from the largest fall over no change to the largest rise.

    Foregrounds, for bars and numbers whose sign is written too.
    """
    colours = _DIVERGING_DARK if dark else _DIVERGING_LIGHT
    return tuple(Style.null() if mono else Style(color=Color.parse(each)) for each in colours)


@cache
def weighing_styles(*, dark: bool, mono: bool) -> tuple[tuple[Style, ...], tuple[Style, ...]]:
    """Grounds with legible text for what weighs for and against something, one per level.

    The hues are the ends of the diverging scale; lightness tells the level, alike for both signs.
    """
    if mono:
        return ((Style.null(),) * LEVELS,) * 2
    ends = _DIVERGING_DARK if dark else _DIVERGING_LIGHT
    first, last = _WEIGHS_DARK if dark else _WEIGHS_LIGHT
    against, for_it = oklab([Color.parse(ends[at]).get_truecolor() for at in (0, -1)])
    # Level 0 has no colour.
    lightness = np.linspace(first, last, LEVELS - 1)
    hue = np.linspace(0.4, 1.0, LEVELS - 1)[:, None]
    scales = (_from_oklab(np.column_stack([lightness, hue * end[1:]])) for end in (for_it, against))
    grounds = [[_on(Color.from_triplet(each)) for each in colours] for colours in scales]
    return (Style.null(), *grounds[0]), (Style.null(), *grounds[1])


@cache
def palette_for(*, dark: bool, mono: bool) -> Palette:
    """The palette for a dark or light theme, or (`mono`) for a terminal without enough colours."""
    colours = scale(dark=dark)
    cursor_colour = Color.parse("#ff5fd7" if dark else "#af00af")
    missing_colour = Color.parse("#6c6c6c" if dark else "#767676")
    reverse = Style(bold=True, reverse=True)
    if mono:
        plain = Style.null()
        return Palette(
            mono=True,
            colours=colours,
            levels=(plain,) * LEVELS,
            fills=(plain,) * LEVELS,
            signed=weighing_styles(dark=dark, mono=True),
            cursor=reverse,
            cursor_colour=cursor_colour,
            missing=plain,
            missing_colour=missing_colour,
            here=reverse,
            hit=Style(bold=True, underline=True),
            mark=plain,
        )
    return Palette(
        mono=False,
        colours=colours,
        levels=tuple(_on(colour) for colour in colours),
        fills=tuple(Style(bgcolor=colour) for colour in colours),
        signed=weighing_styles(dark=dark, mono=False),
        cursor=_on(cursor_colour) + Style(bold=True),
        cursor_colour=cursor_colour,
        missing=Style(color=missing_colour),
        missing_colour=missing_colour,
        here=reverse,
        hit=_on(Color.parse("#ffd75f")) + Style(bold=True, underline=True),
        mark=Style(color=Color.parse("#ffaf5f" if dark else "#875f00"), bold=True),
    )


@cache
def scale(*, dark: bool) -> tuple[Color, ...]:
    """The eleven colours; level 0 is closest to the theme's background."""
    points, first, last = _DARK if dark else _LIGHT
    hues = oklab([Color.parse(point).get_truecolor() for point in points])
    at = np.linspace(0, len(points) - 1, LEVELS)
    lab = np.column_stack(
        [
            np.linspace(first, last, LEVELS),
            *(np.interp(at, np.arange(len(points)), hues[:, axis]) for axis in (1, 2)),
        ]
    )
    return tuple(Color.from_triplet(triplet) for triplet in _from_oklab(lab))


def oklab(colours: Sequence[ColorTriplet]) -> NDArray[np.float64]:
    """Lightness (0..1) and the two opponent axes of K colours: float64 [K, 3]."""
    cones = _linear(np.array(colours, dtype=np.float64)) @ _RGB_TO_CONES.T
    return np.asarray(np.cbrt(cones) @ _CONES_TO_LAB.T)


def _from_oklab(lab: NDArray[np.float64]) -> list[ColorTriplet]:
    cones = np.linalg.solve(_CONES_TO_LAB, lab.T) ** 3
    linear = np.clip(np.linalg.solve(_RGB_TO_CONES, cones).T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return [ColorTriplet(*map(int, row)) for row in np.rint(255 * encoded)]


def _linear(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear intensities 0..1 of sRGB values 0..255."""
    encoded = rgb / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _on(background: Color) -> Style:
    """Black or white text, whichever has more contrast, on a background."""
    text = text_on(background.get_truecolor())
    return Style(color=Color.from_triplet(text), bgcolor=background)
