"""Pieces become tokens with exact text and the place they have in the user's text."""

from analysis.saliency.cases.tokens import pieces_from_tokens, tokens_from_pieces


def cover(text, pieces):
    return [text[slice(*span)] for span in tokens_from_pieces(pieces, text).spans]


def test_the_space_before_the_first_word_is_the_tokenizers():
    tokens = tokens_from_pieces(["▁Name", "▁it"], "Name it")
    assert tokens.texts == ("Name", " it")
    assert tokens.spans == ((0, 4), (4, 7))


def test_a_response_keeps_the_space_that_the_model_wrote():
    tokens = tokens_from_pieces(["▁Yes", "<0x0A>", "▁"])
    assert tokens.texts == (" Yes", "\n", " ")
    assert tokens.spans == ((0, 4), (4, 5), (5, 6))


def test_bytes_of_one_character_share_its_place():
    pieces = ["▁a", "<0xF0>", "<0x9F>", "<0xA7>", "<0x99>", "<0xC3>", "<0xA9>", "b"]
    tokens = tokens_from_pieces(pieces, "a🧙éb")
    assert tokens.spans == ((0, 1), *[(1, 2)] * 4, *[(2, 3)] * 2, (3, 4))
    assert tokens.texts[1:3] == ("<0xF0>", "<0x9F>")


def test_bytes_that_are_no_character_keep_their_place_in_a_response():
    tokens = tokens_from_pieces(["▁a", "<0xF0>", "<0x9F>", "b"])
    assert tokens.texts == (" a", "<0xF0>", "<0x9F>", "b")
    assert tokens.spans[0] == (0, 2)
    assert tokens.spans[-1][1] > tokens.spans[-1][0]


def test_a_character_that_the_tokenizer_rewrote_throws_nothing_after_it_off():
    assert cover("½ cup", ["▁1", "⁄", "2", "▁cup"])[-1] == " cup"


def test_writing_and_reading_gives_the_same_tokens():
    tokens = tokens_from_pieces(["▁Go", "<0x0A>", "on", "▁▁", "<0xC3>", "<0xA9>"], "Go\non  é")
    assert tokens_from_pieces(pieces_from_tokens(tokens), "Go\non  é") == tokens
