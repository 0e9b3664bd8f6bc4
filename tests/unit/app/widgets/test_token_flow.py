"""Where running text breaks: between words, as long as a word fits the line."""

from __future__ import annotations

import pytest

from app.widgets.token_flow import flow


def lines_of(texts, width, **given):
    shown = flow(list(enumerate(texts)), width, **given)
    for line in shown.lines:
        # Pieces stand side by side, and none beyond the width.
        ends = [piece.x + piece.width for piece in line]
        assert [piece.x for piece in line] == [0, *ends[:-1]]
        assert ends[-1] <= width
    return ["".join(piece.text for piece in line) for line in shown.lines]


@pytest.mark.parametrize(
    ("texts", "width", "lines"),
    [
        (["How", " are", " you", " do", "ing", "?"], 15, ["How are you", " doing?"]),
        # A space at the end of a token separates words, too.
        (["How ", "are ", "do", "ing"], 11, ["How are ", "doing"]),
        # A word that fits no line is broken where the line ends.
        (["a", " abc", "def", "ghi"], 6, ["a abc", "defghi"]),
        (["abc", "def", "ghi"], 6, ["abcdef", "ghi"]),
        (["Hi", "\n", "you", "r", " own"], 4, ["Hi↵", "your", " own"]),
    ],
)
def test_a_word_of_several_tokens_goes_to_the_next_line_as_a_whole(texts, width, lines):
    assert lines_of(texts, width) == lines


def test_room_for_glyphs_is_taken_along():
    assert lines_of([" so", " do", "ing"], 9, reserve=1) == [" so", " doing"]
