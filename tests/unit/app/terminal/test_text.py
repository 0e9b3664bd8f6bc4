"""Text shown in the terminal is printable, stays where it is, and can be measured."""

import sys
import unicodedata

import pytest
from rich.cells import cell_len

from app.terminal.text import CARRIER, fit, pad, prose, visible

CODE_POINTS = [
    *(*range(0x10000), *range(0x1F000, 0x1FB00), *range(0x20000, 0x20010)),
    *(*range(0xE0000, 0xE0200), 0xF0000, 0x10FFFD, sys.maxunicode),
]

# What may not reach a terminal: controls, formats, surrogates, private use, unassigned, separators.
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}

JOINERS = {"\u200d", "\ufe0e", "\ufe0f", "\u034f", "\u115f", "\u1160", "\u3164", "\uffa0"}


@pytest.mark.parametrize("show", [visible, prose])
def test_no_code_point_comes_out_as_a_control_or_format_character(show) -> None:
    for code in CODE_POINTS:
        for text in (chr(code), "a" + chr(code) + "b"):
            shown = show(text)
            kept = shown.replace(" ", "") if show is prose else shown
            assert {unicodedata.category(c) for c in kept}.isdisjoint(FORBIDDEN), hex(code)
            assert JOINERS.isdisjoint(kept), hex(code)


def test_every_code_point_takes_room_and_widths_add_up() -> None:
    for code in CODE_POINTS:
        shown = visible(chr(code))
        assert cell_len(shown) >= 1, hex(code)
        assert cell_len("a" + shown + "b") == 2 + sum(map(cell_len, shown)), hex(code)


def test_ascii_mode_is_ascii_and_tells_every_code_point_apart() -> None:
    shown = [visible(chr(code), ascii_only=True) for code in CODE_POINTS if chr(code) != "_"]
    assert all(text.isascii() and text.isprintable() for text in shown)
    assert len(set(shown)) == len(shown)


@pytest.mark.parametrize(
    ("text", "shown", "in_ascii"),
    [
        (" the", "·the", "_the"),
        ("a\n\n", "a↵↵", "a\\n\\n"),
        ("\tx", "⇥x", "\\tx"),
        ("\x1b[31m", "␛[31m", "\\x1b[31m"),
        ("\x9b2J", "⟨009B⟩2J", "\\x9b2J"),
        ("\x7f", "␡", "\\x7f"),
        ("a\u202eb", "a⟨202E⟩b", "a\\u202eb"),
        ("\u2066x\u2069", "⟨2066⟩x⟨2069⟩", "\\u2066x\\u2069"),
        ("so\u00adft", "so⟨00AD⟩ft", "so\\xadft"),
        ("\u200b", "⟨200B⟩", "\\u200b"),
        ("❤\ufe0f", "❤⟨FE0F⟩", "\\u2764\\ufe0f"),
        ("👩\u200d🔬", "👩⟨200D⟩🔬", "\\U0001f469\\u200d\\U0001f52c"),
        ("\ud83d", "⟨D83D⟩", "\\ud83d"),
        ("\ue000", "⟨E000⟩", "\\ue000"),
        ("\u2028", "⟨2028⟩", "\\u2028"),
        ("\u00a0", "⟨00A0⟩", "\\xa0"),
        ("e\u0301", "e\u0301", "e\\u0301"),
        ("\u0301", CARRIER + "\u0301", "\\u0301"),
        (" \u0301", "·" + CARRIER + "\u0301", "_\\u0301"),
        ("[red]x[/]", "[red]x[/]", "[red]x[/]"),
        ("日本", "日本", "\\u65e5\\u672c"),
        ("é", "é", "\\xe9"),
    ],
)
def test_what_is_shown(text: str, shown: str, in_ascii: str) -> None:
    assert visible(text) == shown
    assert visible(text, ascii_only=True) == in_ascii


def test_prose_keeps_spaces_shows_the_rest_and_carries_a_mark_after_a_space() -> None:
    assert prose("Hi  Jen,\n\x1b[2J bye ") == "Hi  Jen,↵␛[2J bye "
    assert prose("a b\n", ascii_only=True) == "a b\\n"
    assert prose("a \u0301") == "a " + CARRIER + "\u0301"


@pytest.mark.parametrize(
    ("text", "cells", "cut"),
    [
        ("token", 5, "token"),
        ("token", 4, "tok…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("token", 1, "…"),
        ("token", 0, ""),
        ("", 0, ""),
    ],
)
def test_fit_cuts_by_cells_and_keeps_marks_with_their_letter(text, cells, cut) -> None:
    assert fit(text, cells) == cut


def test_pad_fills_exactly() -> None:
    for text in ("", "a", "日本語", "a longer text", "e\u0301"):
        for cells in range(9):
            assert cell_len(pad(text, cells)) == cells
