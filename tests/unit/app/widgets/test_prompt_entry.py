"""The entry's document and how it is drawn."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from app.terminal.driver import harmless
from app.widgets.prompt_entry import ExactDocument, one_to_one

ODD = "a\x0bb\x0cc\x1cd\x85e\u2028f\rg\r\nh\x1b[0m\u202ei\u200b\n\n"


@pytest.mark.parametrize("text", ["", "x", "\n", "a\n", "\n\na", ODD, ODD * 3])
def test_a_document_gives_back_the_text_it_was_given(text):
    assert ExactDocument(text).text == text


def test_an_edit_changes_nothing_else():
    document = ExactDocument(ODD)
    result = document.replace_range((0, 1), (0, 1), "NEW\nLINE\x0c")
    assert document.text == "aNEW\nLINE\x0c" + ODD[1:]
    assert result.end_location == (1, 5)
    document.replace_range((0, 1), result.end_location, "")
    assert document.text == ODD


def test_drawing_keeps_the_number_of_characters_and_shows_them_all():
    drawn = one_to_one(ODD)
    assert len(drawn) == len(ODD)
    assert drawn.isprintable()
    assert one_to_one("plain text, é 日本\t[b]") == "plain text, é 日本\t[b]"


def test_the_last_line_of_defence_keeps_widths():
    hostile = "a\x1b[31mb\x07\u202ec\u200bd\xa0e\xad"
    shown = harmless(hostile)
    assert cell_len(shown) == cell_len(hostile)
    assert not set(shown) & set("\x1b\x07\u202e\u200b\xad")
    assert "\xa0" in shown
