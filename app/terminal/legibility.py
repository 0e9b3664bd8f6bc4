"""Text that can be read: a last look at every line, in every theme.

Themes mix their colours by taste: of the 21 that come with Textual 8.2.8, none shows all of the
Prompt view's text at 4.5:1, and titles of panes without the focus are at 1.1 to 1.9:1. `Legible`
moves a text's colour towards black or white as far as its ground needs, so that the hue remains
where there is room for it. What is drawn rather than written, such as borders, bars and shades, is
left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from rich.color import Color, ColorSystem
from rich.color_triplet import ColorTriplet
from rich.console import COLOR_SYSTEMS
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.color import Color as ThemeColor
from textual.filter import LineFilter

if TYPE_CHECKING:
    from textual.app import App

READABLE = 4.5
"""The contrast ratio that text has at least (WCAG 2, level AA)."""

_STEPS = 16
_BLACK, _WHITE = ColorTriplet(0, 0, 0), ColorTriplet(255, 255, 255)
# Box drawing, blocks and shades; Braille, which plots are drawn with.
_DRAWN = ((0x2500, 0x259F), (0x2800, 0x28FF))


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    """Contrast ratio of two colours, 1..21 (WCAG 2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@lru_cache(4096)
def _luminance(colour: ColorTriplet) -> float:
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def text_on(background: ColorTriplet) -> ColorTriplet:
    """Black or white, whichever has more contrast: at least 4.58."""
    return max((_BLACK, _WHITE), key=lambda text: contrast(text, background))


def is_drawn(text: str) -> bool:
    """Whether all characters are blanks, lines, blocks or dots of a plot: nothing to read."""
    return text.isspace() or all(
        character.isspace() or any(first <= ord(character) <= last for first, last in _DRAWN)
        for character in text
    )


class Legible(LineFilter):
    """Gives all text a contrast of at least `READABLE` to its ground.

    Args:
        system: How many colours the terminal shows; None for none.
        theme: What its own sixteen colours are taken to be now.
    """

    def __init__(self, system: ColorSystem | None, theme: Callable[[], TerminalTheme]) -> None:
        super().__init__(enabled=system is not None)
        self._system = system or ColorSystem.TRUECOLOR
        self._theme = theme

    @classmethod
    def on(cls, app: App[Any]) -> Self:
        """The filter for an app's terminal, with the app's idea of its sixteen colours."""
        system = app.console.color_system
        return cls(COLOR_SYSTEMS[system] if system else None, lambda: app.ansi_theme)

    def apply(self, segments: list[Segment], background: ThemeColor) -> list[Segment]:
        """The segments, with the colours of illegible text changed."""
        ground, shown = background.rich_color, Shown(self._system, self._theme())
        return [
            segment
            if segment.style is None or segment.control or is_drawn(segment.text)
            else Segment(segment.text, legible(segment.style, ground, shown))
            for segment in segments
        ]


class Shown(NamedTuple):
    """What a terminal shows: the nearest of the colours it has."""

    system: ColorSystem
    theme: TerminalTheme

    def __call__(self, colour: Color, *, text: bool = True) -> ColorTriplet:
        return colour.downgrade(self.system).get_truecolor(self.theme, foreground=text)


@lru_cache(4096)
def legible(style: Style, ground: Color, shown: Shown) -> Style:
    """The style with a readable colour, on its own background or else on `ground`.

    The terminal's own dimming, which nobody can compute, is taken away.
    """
    if style.dim:
        style += Style(dim=False)
    behind = style.bgcolor or ground
    if style.color is None or (style.color.is_default and behind.is_default):
        return style
    text, below = shown(style.color), shown(behind, text=False)
    if contrast(text, below) >= READABLE:
        return style
    if behind.is_default:
        # The terminal's own ground: its own text is what its user can read there.
        return style + Style(color=Color.default())
    return style + Style(color=_nearest(text, below, shown))


def _nearest(text: ColorTriplet, ground: ColorTriplet, shown: Shown) -> Color:
    """The colour on the way to black or white that can be read and is closest to the text's."""
    end = text_on(ground)
    for step in range(1, _STEPS):
        share = step / _STEPS
        mixed = (round(a + (b - a) * share) for a, b in zip(text, end, strict=True))
        colour = Color.from_triplet(ColorTriplet(*mixed))
        if contrast(shown(colour), ground) >= READABLE:
            return colour
    return Color.from_triplet(end)
