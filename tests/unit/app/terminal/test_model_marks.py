"""The two models are told apart by mark and by colour, on any ground."""

import numpy as np
import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as ThemeColor

from app.terminal.colours import oklab
from app.terminal.model_marks import MARKS, ColouredMarks, colour_of, marked, side_of

BLACK = ThemeColor.parse("black")


@pytest.mark.parametrize("dark", [True, False])
def test_a_mark_is_coloured_wherever_it_stands_and_the_text_around_it_is_not(dark):
    style = Style(color="red", bgcolor="white", bold=True)
    line = [Segment(f"─ {marked(0, 'a')} │ {marked(1, 'b')}", style), Segment(" ● c")]
    shown = ColouredMarks(lambda: dark).apply(line, BLACK)
    assert [text for text, _, _ in shown] == ["─ ", "○", " a │ ", "●", " b", " ", "●", " c"]
    colours = [None if style is None else style.color for _, style, _ in shown]
    base, tuned = colour_of(0, dark=dark), colour_of(1, dark=dark)
    assert colours == [style.color, base, style.color, tuned, style.color, None, tuned, None]
    assert shown[1].style.bgcolor == style.bgcolor


def test_a_line_without_marks_stays_as_it_is():
    line = [Segment("no mark")]
    assert ColouredMarks(lambda: True).apply(line, BLACK) is line


@pytest.mark.parametrize("dark", [True, False])
def test_the_colours_differ_in_more_than_red_and_green(dark):
    """Yellow against blue is the axis that most colour-blind readers see."""
    lab = oklab([colour_of(side, dark=dark).get_truecolor() for side in (0, 1)])
    assert abs(np.diff(lab[:, 2])).item() > 0.15


def test_names_say_whose_they_are():
    assert [side_of(marked(side, "m")) for side in (0, 1)] == [0, 1]
    assert side_of("m") is None
    assert side_of("") is None
    assert marked(0, "") == ""
    assert marked(1, "m", ascii_only=True) == f"{MARKS[1].ascii} m"
