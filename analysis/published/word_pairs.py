"""The published list of a neuron pair's word pairs: ``key=query|||key=query``.

Words may hold ``=`` and ``|`` themselves, and nothing marks them. What can be read in one way alone
is read; what can be read in two is counted and left out.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

_SEPARATOR = "|||"
_BARS = re.compile(r"(\|{3,})")

Pair = tuple[str, str]


def word_pairs(cell: str) -> tuple[list[Pair], int]:
    """The word pairs of a cell as (query's word, key's word), and how many cannot be told."""
    found: list[Pair] = []
    unclear = 0
    for piece in _pieces(cell) if cell else ():
        pair = None if piece is None else _pair(piece)
        if pair is None:
            unclear += 1
        else:
            found.append(pair)
    return found, unclear


def _pieces(cell: str) -> Iterator[str | None]:
    """The pieces between separators; None for one whose ends cannot be told."""
    if _SEPARATOR + "|" not in cell:
        yield from cell.split(_SEPARATOR)
        return
    # Text and runs of three bars or more by turns: a run beyond three has bars of a word.
    parts = _BARS.split(cell)
    piece: str | None = parts[0]
    for bars, following in zip(parts[1::2], parts[2::2], strict=True):
        extra = bars[len(_SEPARATOR) :]
        lacks_end = piece is not None and piece.endswith("=")
        lacks_start = following.startswith("=")
        if not extra or lacks_end != lacks_start:
            yield f"{piece}{extra}" if lacks_end and piece is not None else piece
            piece = f"{extra}{following}" if lacks_start else following
        else:
            yield None
            piece = None
    yield piece


def _pair(piece: str) -> Pair | None:
    """The two words, or None if not exactly one ``=`` has a word on either side."""
    key, _, query = piece.partition("=")
    if "=" in query or not key:
        places = [n for n in range(1, len(piece) - 1) if piece[n] == "="]
        if len(places) != 1:
            return None
        key, query = piece[: places[0]], piece[places[0] + 1 :]
    # Millions of pairs are made of some ten thousand words.
    return (sys.intern(query), sys.intern(key)) if key and query else None
