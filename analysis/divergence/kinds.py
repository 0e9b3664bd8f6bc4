"""Kinds of tokens: what stands at a place of a response, by its characters (METHODS 15)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal, get_args

from analysis.divergence.result import Divergence

Kind = Literal[
    "word beginning",
    "word continuation",
    "digit",
    "punctuation",
    "space or newline",
    "markup or special",
    "part of a character",
    "end",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

_BYTE = re.compile("<0x[0-9A-Fa-f]{2}>")
# A whole tag or special token, such as </s>, <|end|>, <b> and [INST].
_TAG = re.compile(r"</?\|?[^\s<>]+\|?>|\[/?[A-Z_]+\]")
_MARKUP = frozenset("#*`|~_<>\\")
_IN_A_WORD = re.compile(r"[^\W_]['’]?\Z")
_MOST_BEFORE = 2
"""Characters before a token that tell whether it goes on with a word."""


def kinds(found: Divergence) -> tuple[Kind, ...]:
    """The kind of every place: of the response's token there, or its end."""
    return tuple(_kinds(found))


def _kinds(found: Divergence) -> Iterator[Kind]:
    before = ""
    for place in range(found.places):
        text = found.token(place)
        if text is None:
            yield "end"
            continue
        # What nobody wrote is no text, and nothing goes on behind it.
        written = found.response_tokens.spans[place : place + 1] != (None,)
        yield kind_of(text, before) if written else "markup or special"
        before = (before + text)[-_MOST_BEFORE:] if written else ""


def kind_of(text: str, before: str = "") -> Kind:
    """The kind of a token.

    A token with a letter belongs to a word; it continues one if a letter or digit, with or without
    an apostrophe, is directly before its first letter. The first token of a response begins a word.

    Args:
        text: Its exact text.
        before: The text before it.
    """
    bare = text.strip()
    if not bare:
        return "space or newline"
    if _BYTE.fullmatch(bare) or bare.strip("\ufffd") == "":
        return "part of a character"
    if _TAG.fullmatch(bare):
        return "markup or special"
    classes = [unicodedata.category(each)[0] for each in text]
    if "L" in classes or "M" in classes:
        first = next(place for place, each in enumerate(classes) if each in "LM")
        goes_on = _IN_A_WORD.search(before + text[:first])
        return "word continuation" if goes_on else "word beginning"
    if "N" in classes:
        return "digit"
    return "markup or special" if _MARKUP & set(bare) else "punctuation"
