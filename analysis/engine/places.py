"""Locates tokens in the text they were cut from, and finds what each of them shows there."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from analysis.models.tokens import Span

# Single bytes that are not a character: only ASCII characters are one byte long.
_NO_CHARACTER = frozenset(bytes([byte]) for byte in range(0x80, 0x100))
# How far to search for the next token that can be matched again.
_REACH_TOKENS, _REACH_BYTES = 16, 256
_WORD = re.compile(rb"\S+")

Found = tuple[str, Span | None]
"""What a token shows, and the characters ``[start, end)`` it covers."""


@dataclass(frozen=True)
class Spelling:
    """A text as bytes.

    Attributes:
        text: The text.
        stream: Its bytes, in the spelling that tokens are compared with.
        starts: The first byte of each character, and the end.
    """

    text: str
    stream: bytes
    starts: list[int]

    @classmethod
    def of(cls, text: str, spelled: Callable[[str], bytes]) -> Spelling:
        parts = [spelled(character) for character in text]
        return cls(text, b"".join(parts), list(accumulate(map(len, parts), initial=0)))

    @classmethod
    def read(cls, stream: bytes) -> Spelling:
        """Decode bytes; each byte that belongs to no character becomes one ``U+FFFD``."""
        characters: list[str] = []
        starts: list[int] = []
        place = 0
        while place < len(stream):
            starts.append(place)
            for width in range(1, 5):
                try:
                    characters.append(stream[place : place + width].decode())
                except UnicodeDecodeError:
                    continue
                place += width
                break
            else:
                characters.append("\ufffd")
                place += 1
        starts.append(len(stream))
        return cls("".join(characters), stream, starts)

    def place(self, begin: int, end: int) -> Found:
        """What the bytes ``[begin, end)`` show, and the characters they touch."""
        if begin == end:
            return "", None
        last = bisect_left(self.starts, end)
        if self.starts[last] == end:
            # Characters spelled with no bytes belong to what precedes them.
            last = bisect_right(self.starts, end) - 1
        span = bisect_right(self.starts, begin) - 1, last
        parts = []
        for character in range(*span):
            first, after = self.starts[character], self.starts[character + 1]
            whole = begin <= first and after <= end
            if whole and self.stream[first:after] not in _NO_CHARACTER:
                parts.append(self.text[character])
            else:
                parts.append(rendered(self.stream[max(first, begin) : min(after, end)]))
        return "".join(parts), span


def rendered(piece: bytes) -> str:
    """Decode bytes; each byte that belongs to no whole character becomes ``<0xF0>``."""
    read = Spelling.read(piece)
    return "".join(
        f"<0x{piece[start]:02X}>" if piece[start:end] in _NO_CHARACTER else character
        for character, (start, end) in zip(read.text, pairwise(read.starts), strict=True)
    )


def followed(spelling: Spelling, pieces: Sequence[bytes], unknown: Sequence[bool]) -> list[Found]:
    """Locate tokens by following their bytes through those of the text.

    A space that the tokenizer inserted is skipped. Where the tokenizer normalised the text or did
    not know a word, matching resumes at the next token found again; the tokens in between get one
    word each if the counts agree, and otherwise an empty span where matching failed.

    Args:
        spelling: The text.
        pieces: The bytes of every token.
        unknown: Which tokens stand for text outside the vocabulary.
    """
    found: list[Found] = []
    place = 0
    while len(found) < len(pieces):
        piece = pieces[len(found)]
        if (step := _step(spelling.stream, piece, place)) is not None:
            begin, place = step
            found.append(_shown(spelling, piece, begin, place))
            continue
        after, end = _next_agreement(spelling.stream, pieces, unknown, len(found), place)
        lost = pieces[len(found) : after]
        words = list(_WORD.finditer(spelling.stream, place, end))
        if len(words) == len(lost):
            found += [spelling.place(*word.span()) for word in words]
        elif len(lost) == 1 and words:
            found.append(spelling.place(words[0].start(), words[-1].end()))
        else:
            # The first whole character of the unmatched part.
            character = bisect_left(spelling.starts, place)
            found += [(rendered(each), (character, character)) for each in lost]
        place = end
    return found


def folded(text: str) -> bytes:
    """A character or token without case, accents and width."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(each for each in plain if not unicodedata.combining(each)).encode()


def located(
    spelling: Spelling,
    pieces: Sequence[bytes],
    offsets: Sequence[Span],
    unknown: Sequence[bool],
) -> list[Found]:
    """Locate tokens by the offsets their tokenizer gives.

    Tokenizers differ in whether offsets include white space. For that, and for what a token shows,
    its bytes are followed through the text; where the two disagree, as after a normaliser, the
    tokenizer is right.

    Args:
        spelling: The text.
        pieces: The bytes of every token.
        offsets: The characters of every token; as many as pieces.
        unknown: Which tokens stand for text outside the vocabulary.
    """
    text = spelling.text
    found: list[Found] = []
    place = reached = 0
    for index, (piece, offset) in enumerate(zip(pieces, offsets, strict=True)):
        step = _step(spelling.stream, piece, place)
        one = None if step is None else _shown(spelling, piece, *step)
        if one is not None and _agree(text, piece, one[1], offset):
            place = step[1] if step is not None else place
        elif not piece.strip():
            following = offsets[index + 1][0] if index + 1 < len(offsets) else len(text)
            free = reached, following
            one = rendered(piece), _place_of_space(text, rendered(piece), free, offset)
        elif offset[0] == offset[1]:
            one = rendered(piece), (reached, reached)
        else:
            start, end = _with_space(text, piece, reached, offset)
            near = [*offsets[max(index - 1, 0) : index], *offsets[index + 1 : index + 2]]
            shared = any(one < end and start < other for one, other in near)
            theirs, own = text[start:end], rendered(piece)
            own = own if theirs[:1].isspace() else own.lstrip()
            mine = not unknown[index] and (shared or _is_more(own, theirs))
            one = (own if mine else theirs), (start, end)
            place = spelling.starts[end]
        found.append(one)
        reached = max(reached, one[1][1] if one[1] is not None else 0)
    return found


def _agree(text: str, piece: bytes, followed: Span | None, offset: Span) -> bool:
    """Whether following a token's bytes led to its offset, ignoring white space at the ends."""
    if followed is None:
        return False
    if not piece.strip():
        # For a lone space tokenizers give its own offset, or that of the next word.
        return followed[0] <= offset[0]
    if offset[0] == offset[1] or _tight(text, followed) == _tight(text, offset):
        return True
    # Told to trim the space before a word, some trim a letter where there is no space.
    trimmed = piece.startswith(b" ") and not text[followed[0]].isspace()
    return trimmed and offset == (followed[0] + 1, followed[1])


def _place_of_space(text: str, space: str, free: Span, offset: Span) -> Span | None:
    """Where white space stands whose bytes did not match; None if the tokenizer inserted it.

    Args:
        text: The text.
        space: The token.
        free: From the end of the token before it to the start of the next.
        offset: Where the tokenizer puts it.
    """
    start, end = offset
    here = unicodedata.normalize("NFKC", text[start:end])
    # Some characters become several, with spaces in between; special spaces become plain ones.
    inside = start < end <= free[0] and not here.isspace()
    alone = free[0] <= start and end <= free[1]
    if inside or (alone and (here == space or (here.isspace() and space.strip(" ")))):
        return offset
    return (start - 1, start) if text[free[0] : start][-1:].isspace() else None


def _with_space(text: str, piece: bytes, reached: int, offset: Span) -> Span:
    """A token's span, extended by the space before or after it if that is part of the token."""
    start, end = offset
    if piece.startswith(b" ") and start > reached and not text[start].isspace():
        start -= text[start - 1].isspace()
    if piece.endswith(b" ") and end < len(text) and not text[end - 1].isspace():
        end += text[end].isspace()
    return start, end


def _step(stream: bytes, piece: bytes, place: int) -> tuple[int, int] | None:
    """Where a token's bytes begin and end if they match at `place`, ignoring white space."""
    if not piece:
        return None
    if stream.startswith(piece, place):
        return place, place + len(piece)
    # A space that the tokenizer put before the text, or that a word carries.
    if piece.startswith(b" ") and stream.startswith(piece[1:], place):
        return place, place + len(piece) - 1
    if piece.endswith(b" ") and piece.strip() and stream.startswith(piece[:-1], place):
        return place, place + len(piece) - 1
    # Some tokenizers have no tokens for white space.
    near = stream[place : place + _REACH_BYTES]
    begin = place + len(near) - len(near.lstrip())
    if begin > place and stream.startswith(piece, begin):
        return begin, begin + len(piece)
    return None


def _shown(spelling: Spelling, piece: bytes, begin: int, end: int) -> Found:
    """What a matched token shows; one that is only inserted blanks has no place."""
    return spelling.place(begin, end) if end > begin else (rendered(piece), None)


def _next_agreement(
    stream: bytes, pieces: Sequence[bytes], unknown: Sequence[bool], index: int, place: int
) -> tuple[int, int]:
    """The next token after `index` that matches again, and the byte where it does."""
    for after in range(index + 1, min(index + _REACH_TOKENS, len(pieces))):
        following = b""
        for piece, is_unknown in zip(pieces[after : after + 3], unknown[after:], strict=False):
            if is_unknown:
                break
            following += piece
        # One or two letters match anywhere.
        if len(sought := following.strip()) > 2 or (sought and after + 1 == len(pieces)):
            end = stream.find(sought, place, place + _REACH_BYTES)
            if end >= 0:
                return after, end
    return len(pieces), len(stream)


def _tight(text: str, span: Span) -> Span:
    part = text[slice(*span)]
    start = span[0] + len(part) - len(part.lstrip())
    return start, max(start, span[0] + len(part.rstrip()))


def _is_more(own: str, theirs: str) -> bool:
    """Whether a token's own text has more in it than the characters at its place.

    A normaliser that combines a letter and its accent keeps only the letter's place; one that
    splits a ligature puts several letters at one place.
    """
    parts = [unicodedata.normalize("NFD", each.strip()) for each in (own, theirs)]
    return "<0x" in own or len(parts[0]) > len(parts[1])
