"""Converts token pieces of a case library to and from tokens with text and character spans.

A piece is a token as sentencepiece writes it: ``▁`` is a space and ``<0x0A>`` the byte 10.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from analysis.models.tokens import Span, Tokens

UNKNOWN_ID = -1
"""The id of a token whose vocabulary is not available."""

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPACE = "▁"
# How many characters a tokenizer's own spelling of a character may shift the text.
_SEARCH = 16


def tokens_from_pieces(pieces: Sequence[str], text: str | None = None) -> Tokens:
    """Tokens of a prompt or a response.

    Args:
        pieces: The token pieces.
        text: The text they were cut from; None joins it from the pieces.

    Returns:
        Tokens with spans in the text and `UNKNOWN_ID` as ids. Bytes of one character share its
        span. A piece that does not occur in the text (because the tokenizer rewrites characters)
        gets an empty span at its place.
    """
    if text is None:
        text = _text_of(pieces)
    texts: list[str] = []
    spans: list[Span | None] = []
    position = 0
    index = 0
    while index < len(pieces):
        run = _bytes_from(pieces, index)
        if run:
            sizes, position = _character_sizes(run, text, position)
            for byte, span in zip(run, sizes, strict=True):
                texts.append(chr(byte) if byte < 0x80 else f"<0x{byte:02X}>")
                spans.append(span)
            index += len(run)
            continue
        words = pieces[index]
        # The text may contain the ▁ sign itself; then it is not a space.
        if not text.startswith(words, position):
            words = words.replace(_SPACE, " ")
        # Sentencepiece puts a space before the first word that is not in the text.
        if index == 0 and words.startswith(" ") and not text.startswith(" "):
            words = words[1:]
        start = text.find(words, position, position + len(words) + _SEARCH)
        if start >= 0:
            position = start + len(words)
        spans.append((start, position) if start >= 0 else (position, position))
        texts.append(words or " ")
        index += 1
    return Tokens(ids=(UNKNOWN_ID,) * len(pieces), texts=tuple(texts), spans=tuple(spans))


def pieces_from_tokens(tokens: Tokens) -> list[str]:
    """The pieces of tokens, in the form that `tokens_from_pieces` reads."""
    return [
        "".join(f"<0x{ord(each):02X}>" for each in text)
        if text in ("\n", "\t", "\r")
        else text.replace(" ", _SPACE)
        for text in tokens.texts
    ]


def _text_of(pieces: Sequence[str]) -> str:
    """The text that pieces stand for; bytes that are not a character become U+FFFD."""
    parts: list[str] = []
    index = 0
    while index < len(pieces):
        run = _bytes_from(pieces, index)
        parts.append(run.decode(errors="replace") if run else pieces[index].replace(_SPACE, " "))
        index += len(run) or 1
    return "".join(parts)


def _bytes_from(pieces: Sequence[str], index: int) -> bytes:
    """The bytes of the byte pieces from `index` on; empty if there are none."""
    found = bytearray()
    while index < len(pieces) and (match := _BYTE.fullmatch(pieces[index])):
        found.append(int(match[1], 16))
        index += 1
    return bytes(found)


def _character_sizes(run: bytes, text: str, position: int) -> tuple[list[Span], int]:
    """The span of the character that each byte belongs to, and the position after them."""
    spans: list[Span] = []
    for character in run.decode(errors="surrogateescape"):
        width = len(character.encode(errors="surrogateescape"))
        known = text.startswith(character, position) or text.startswith("\ufffd", position)
        spans.extend([(position, position + known)] * width)
        position += known
    return spans, position
