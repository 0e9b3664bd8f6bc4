"""Lays tokens out as running text: broken at newlines and, between words, at the width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rich.cells import cell_len

from app.terminal.text import NEWLINE, prose


@dataclass(frozen=True)
class Piece:
    """A token, or the part of one on a line."""

    token: int
    text: str
    x: int
    width: int
    """Cells, including those reserved after the token."""


@dataclass(frozen=True)
class Flow:
    """Lines of pieces, left to right."""

    lines: tuple[tuple[Piece, ...], ...]

    @cached_property
    def first_lines(self) -> dict[int, int]:
        """The line each token begins on."""
        lines: dict[int, int] = {}
        for y, line in enumerate(self.lines):
            for piece in line:
                lines.setdefault(piece.token, y)
        return lines

    def token_at(self, x: int, y: int) -> int | None:
        """The token at these coordinates."""
        if not 0 <= y < len(self.lines):
            return None
        return next((p.token for p in self.lines[y] if p.x <= x < p.x + p.width), None)


def flow(
    tokens: Sequence[tuple[int, str]], width: int, *, reserve: int = 0, ascii_only: bool = False
) -> Flow:
    """Lay out tokens, given as index and exact text, in lines of at most `width` cells.

    Newlines are shown as `↵` and broken after. A word, which may be several tokens, goes to the
    next line as a whole if it fits there. `reserve` cells stay free after each token.
    """
    room = max(1, width - reserve)
    newline = prose("\n", ascii_only=ascii_only) if ascii_only else NEWLINE
    lines: list[list[Piece]] = [[]]
    x = 0
    for token, exact in tokens:
        for part in exact.splitlines(keepends=True) if "\n" in exact else [exact]:
            shown = prose(part.removesuffix("\n"), ascii_only=ascii_only)
            if part.endswith("\n"):
                shown += newline
            for chunk in _chunks(shown, room):
                cells = cell_len(chunk) + reserve
                if x + cells > width and lines[-1]:
                    lines.append(_taken_along(lines[-1], chunk, width - cells))
                    x = sum(piece.width for piece in lines[-1])
                lines[-1].append(Piece(token, chunk, x, cells))
                x += cells
            if part.endswith("\n"):
                lines.append([])
                x = 0
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    return Flow(tuple(map(tuple, lines)))


def _taken_along(line: list[Piece], chunk: str, room: int) -> list[Piece]:
    """Take the beginning of a chunk's word off the end of a line, where it fits the next one.

    Empty where the chunk begins a word, where the word begins the line, or if it has more cells
    than `room`.
    """
    begins = len(line)
    after = chunk
    while begins and not (after[:1].isspace() or line[begins - 1].text[-1:].isspace()):
        begins -= 1
        after = line[begins].text
    word = line[begins:]
    if not begins or sum(piece.width for piece in word) > room:
        return []
    del line[begins:]
    return [replace(piece, x=piece.x - word[0].x) for piece in word]


def _chunks(text: str, cells: int) -> list[str]:
    """Text cut into parts of at most `cells` cells (or one character if it is wider)."""
    chunks: list[str] = []
    start, used = 0, 0
    for at, character in enumerate(text):
        size = cell_len(character)
        if used + size > cells and at > start:
            chunks.append(text[start:at])
            start, used = at, 0
        used += size
    return [*chunks, text[start:]] if text[start:] else chunks
