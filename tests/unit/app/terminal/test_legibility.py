"""Text gets the contrast it needs, keeps its hue where it can, and what is drawn is left alone."""

from itertools import product

import pytest
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import MONOKAI
from textual.color import Color as ThemeColor

from app.terminal.legibility import READABLE, Legible, Shown, contrast

BLACK = ThemeColor.parse("black")
# A coarse grid over all colours, corners included.
COLOURS = [Color.from_rgb(*rgb) for rgb in product((0, 51, 119, 187, 255), repeat=3)]


def styled(text: str, style: Style, system: ColorSystem = ColorSystem.TRUECOLOR) -> Style:
    (segment,) = Legible(system, lambda: MONOKAI).apply([Segment(text, style)], BLACK)
    return segment.style


@pytest.mark.parametrize("system", [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT])
def test_any_colour_on_any_ground(system):
    shown = Shown(system, MONOKAI)
    for colour, ground in product(COLOURS[::4], COLOURS[::3]):
        style = styled("text", Style(color=colour, bgcolor=ground), system)
        assert contrast(shown(style.color), shown(ground, text=False)) >= READABLE


def test_a_hue_moves_no_further_than_it_has_to():
    readable = Style(color="#ffaf5f", bgcolor="#16161e", bold=True)
    assert styled("text", readable) == readable
    moved = styled("text", Style(color="#803030", bgcolor="#16161e")).color.get_truecolor()
    assert moved.red > moved.green == moved.blue
    assert READABLE <= contrast(moved, Color.parse("#16161e").get_truecolor()) < READABLE + 0.8


def test_what_is_drawn_keeps_its_colour_and_text_loses_the_terminal_s_dimming():
    faint = Style(color="#202020", bgcolor="#101010")
    assert styled(" ╭─▌░⣿ ", faint) == faint
    assert styled("─ title", faint) != faint
    assert not styled("text", Style(color="white", bgcolor="black", dim=True)).dim


def test_on_the_terminal_s_own_ground_text_falls_back_to_its_own_colour():
    own = Style(color=Color.default(), bgcolor=Color.default())
    assert styled("text", own) == own
    assert styled("text", Style(color="black", bgcolor="default")).color.is_default
    assert styled("text", Style(color="bright_yellow", bgcolor="default")).color.name != "default"


def test_without_colours_nothing_is_changed():
    assert not Legible(None, lambda: MONOKAI).enabled
