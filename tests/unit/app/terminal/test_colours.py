"""The colour scale orders levels by lightness wherever it is shown, and text on it is legible."""

import numpy as np
import pytest
from rich.color import Color, ColorSystem, ColorTriplet
from rich.style import Style

from app.terminal.colours import (
    GLYPHS,
    LEVELS,
    Palette,
    oklab,
    palette_for,
    scale,
    signed_styles,
)
from app.terminal.legibility import contrast


def in_256_colours(colour: Color) -> Color:
    return colour.downgrade(ColorSystem.EIGHT_BIT)


def lightness(colours: list[ColorTriplet]) -> np.ndarray:
    return oklab(colours)[:, 0]


def test_oklab_and_contrast_of_black_white_and_red() -> None:
    triplets = [ColorTriplet(0, 0, 0), ColorTriplet(255, 255, 255), ColorTriplet(255, 0, 0)]
    expected = [[0, 0, 0], [1, 0, 0], [0.62796, 0.22486, 0.12585]]
    np.testing.assert_allclose(oklab(triplets), expected, atol=1e-4)
    assert contrast(*triplets[:2]) == pytest.approx(21)


@pytest.mark.parametrize("dark", [True, False])
def test_lightness_rises_evenly_away_from_the_background(dark: bool) -> None:
    steps = np.diff(lightness([colour.get_truecolor() for colour in scale(dark=dark)]))
    steps *= 1 if dark else -1
    assert len(steps) == LEVELS - 1
    # Rounding to 8 bits and clipping to the screen's gamut move a step a little.
    assert steps.min() > 0.06
    assert steps.max() < 0.09
    # 256 colours keep the levels apart and in order.
    nearest = [in_256_colours(colour) for colour in scale(dark=dark)]
    assert len({colour.number for colour in nearest}) == LEVELS
    steps = np.diff(lightness([colour.get_truecolor() for colour in nearest]))
    assert (steps * (1 if dark else -1) > 0.02).all()


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("downgrade", [lambda colour: colour, in_256_colours])
def test_text_on_every_level_is_legible(dark: bool, downgrade) -> None:
    palette = palette_for(dark=dark, mono=False)
    signed = (style for styles in palette.signed for style in styles[1:])
    for style in (*palette.levels, *signed, palette.cursor, palette.hit):
        text, background = downgrade(style.color), downgrade(style.bgcolor)
        assert contrast(text.get_truecolor(), background.get_truecolor()) >= 4.5


@pytest.mark.parametrize("dark", [True, False])
def test_the_cursor_is_no_colour_of_the_scale(dark: bool) -> None:
    palette = palette_for(dark=dark, mono=False)
    for downgrade in (lambda colour: colour, in_256_colours):
        colours = [downgrade(c).get_truecolor() for c in (palette.cursor_colour, *palette.colours)]
        lab = oklab(colours)
        assert np.linalg.norm(lab[1:] - lab[0], axis=1).min() > 0.15


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("downgrade", [lambda colour: colour, in_256_colours])
def test_falls_and_rises_are_told_apart_and_legible_on_the_background(dark, downgrade) -> None:
    colours = [downgrade(style.color) for style in signed_styles(dark=dark, mono=False)]
    fall, neutral, rise = (oklab([colours[n].get_truecolor()])[0] for n in (0, 2, -1))
    # Blue against orange: the axis that every kind of colour vision keeps.
    assert fall[2] < -0.05 < 0.05 < rise[2]
    assert abs(neutral[2]) < 0.02
    ground = scale(dark=dark)[0].get_truecolor()
    assert min(contrast(each.get_truecolor(), ground) for each in colours) >= 4.5
    assert set(signed_styles(dark=dark, mono=True)) == {Style.null()}


@pytest.mark.parametrize("dark", [True, False])
def test_signed_levels_rise_in_lightness_alike_for_both_signs(dark: bool) -> None:
    palette = palette_for(dark=dark, mono=False)
    both = [
        lightness([style.bgcolor.get_truecolor() for style in styles[1:]])
        for styles in palette.signed
    ]
    for steps in np.diff(both):
        assert (steps * (1 if dark else -1) > 0.02).all()
    assert np.abs(both[0] - both[1]).max() < 0.06


def test_mono_reads_by_glyphs_of_growing_ink() -> None:
    ink = " ·░▒▓█"
    order = [ink.index(glyph) for glyph in GLYPHS]
    assert order == sorted(order)
    assert len(GLYPHS) == LEVELS
    palette: Palette = palette_for(dark=True, mono=True)
    assert palette.cell(10, 3) == "███"
    assert palette.cell(7, 3, digits=True) == " 7 "
    assert all(style.color is None and style.bgcolor is None for style in palette.levels)
    assert palette.cursor.reverse
