"""The words of a prompt: which of the aligned rows of tokens make one.

Models cut a text into tokens of their own; its words are the same for both, and what a reader
thinks in.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from analysis.models.tokens import Span, Tokens
from analysis.saliency.alignment import Row, start_of

# Scripts that put no space between words; there a word is what a token begins.
_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0x2FDF),
    (0x3040, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


@dataclass(frozen=True)
class Word:
    """A word of the user's text, or a token that the user did not write.

    Attributes:
        text: As it stands in the prompt; of a special token, the token's text.
        rows: The aligned rows of its tokens, ``[start, end)``.
        special: Whether the user did not write it.
        occurrence: 1 for the first word of this text in the prompt, 2 for the next, and so on.
    """

    text: str
    rows: Span
    special: bool = False
    occurrence: int = 1


@lru_cache(maxsize=8)
def pieces(text: str) -> tuple[Span, ...]:
    """Character spans of words and of runs of punctuation, in order; white space is in none.

    Letters, digits and marks make words, with an apostrophe or hyphen inside and a point or comma
    between digits. In scripts without spaces every character is a piece.
    """
    found: list[tuple[str, int, int]] = []
    for kind, run in groupby(enumerate(text), key=lambda at: _kind(at[1])):
        places = [at for at, _ in run]
        if kind == "alone":
            found += ((kind, at, at + 1) for at in places)
        elif kind != "space":
            found.append((kind, places[0], places[-1] + 1))
    spans: list[Span] = []
    goes_on = False
    for number, (_, start, end) in enumerate(found):
        inside = _is_inside_word(text, found, number)
        if inside or goes_on:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
        goes_on = inside
    return tuple(spans)


def _is_inside_word(text: str, found: Sequence[tuple[str, int, int]], number: int) -> bool:
    """Whether this is a mark that belongs to the words on both sides of it."""
    kind, start, end = found[number]
    if kind != "mark" or end - start > 1 or not 0 < number < len(found) - 1:
        return False
    (before, _, stop), (after, begin, _) = found[number - 1], found[number + 1]
    if (before, after) != ("word", "word") or (stop, begin) != (start, end):
        return False
    return text[start] in "'’-" or (
        text[start] in ".," and text[start - 1].isdigit() and text[end].isdigit()
    )


def _kind(character: str) -> str:
    if character.isspace():
        return "space"
    code = ord(character)
    if any(first <= code <= last for first, last in _WITHOUT_SPACES):
        return "alone"
    return "word" if character == "_" or unicodedata.category(character)[0] in "LNM" else "mark"


def words_of(prompt: str, sides: Sequence[Tokens | None], rows: Sequence[Row]) -> list[Word]:
    """The words that aligned rows of tokens make, in order; every row is in exactly one.

    A token belongs to the word it begins in; white space of its own, and a token that the user did
    not write or whose place is not known, is a word by itself.

    Args:
        prompt: The user's text.
        sides: The prompt tokens of each model; None for a missing one.
        rows: See `analysis.saliency.alignment.align_rows`.
    """
    places = pieces(prompt)
    starts = [start for start, _ in places]
    words: list[Word] = []
    seen: dict[str, int] = {}
    at = 0
    for (kind, _), run in groupby(enumerate(rows), key=lambda row: _word_at(row, sides, starts)):
        begin, at = at, at + len(list(run))
        text = _text(prompt, sides, rows[begin:at])
        seen[text] = seen.get(text, 0) + 1
        words.append(Word(text, (begin, at), kind == "special", seen[text]))
    return words


def _word_at(
    numbered: tuple[int, Row], sides: Sequence[Tokens | None], starts: Sequence[int]
) -> tuple[str, int]:
    """What the rows of one word have in common."""
    number, row = numbered
    span, text = next(_tokens(sides, row))
    if span is None or span[0] == span[1]:
        return ("special" if span is None else "lost"), number
    return ("word" if text.strip() else "space"), bisect_right(starts, start_of(span, text))


def _tokens(sides: Sequence[Tokens | None], row: Row) -> Iterator[tuple[Span | None, str]]:
    for tokens, n in zip(sides, row, strict=True):
        if tokens is not None and n is not None:
            yield tokens.spans[n], tokens.texts[n]


def _text(prompt: str, sides: Sequence[Tokens | None], rows: Sequence[Row]) -> str:
    found = [token for row in rows for token in _tokens(sides, row)]
    spans = [span for span, _ in found if span is not None and span[0] < span[1]]
    if not spans:
        return found[0][1]
    text = prompt[min(start for start, _ in spans) : max(end for _, end in spans)]
    return text.strip() or text
