"""Rows of two maps side by side: the same place in the user's text stands on one line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Span, Tokens

Row = tuple[int | None, int | None]


def align_rows(
    left: Tokens,
    right: Tokens,
    *,
    left_visible: NDArray[np.bool_],
    right_visible: NDArray[np.bool_],
) -> list[Row]:
    """Pairs the visible prompt tokens of two models by where they start in the user's text.

    Tokens that start at the same character share a row, the space that a token brings along not
    counting: some tokenizers have it before a word, some behind, some not at all. One without a
    partner stands alone (tokenizers that cut differently). Tokens that share a start, such as the
    bytes of one character, pair in their order. Tokens outside the user's text (special and
    template tokens) pair only with an equal one at the same place. The order of both sides is kept,
    and every visible token stands in exactly one row.

    Args:
        left: Prompt tokens of the one model.
        right: Prompt tokens of the other; the same user's text.
        left_visible: bool [N left].
        right_visible: bool [N right].

    Returns:
        Rows (index into `left` or None, index into `right` or None), never both None.
    """
    lefts = np.flatnonzero(left_visible).tolist()
    rights = np.flatnonzero(right_visible).tolist()
    rows: list[Row] = []
    i = j = 0
    while i < len(lefts) and j < len(rights):
        a, b = lefts[i], rights[j]
        match _order(left, a, right, b):
            case 0:
                rows.append((a, b))
                i, j = i + 1, j + 1
            case -1:
                rows.append((a, None))
                i += 1
            case _:
                rows.append((None, b))
                j += 1
    rows.extend((a, None) for a in lefts[i:])
    rows.extend((None, b) for b in rights[j:])
    return rows


def _order(left: Tokens, a: int, right: Tokens, b: int) -> int:
    """0 if token a of `left` and b of `right` share a row, -1 if a comes first, 1 if b does."""
    one, other = left.spans[a], right.spans[b]
    if one is None or other is None:
        if one is None and other is None and left.texts[a] == right.texts[b]:
            return 0
        return -1 if one is None else 1
    first, second = start_of(one, left.texts[a]), start_of(other, right.texts[b])
    return (first > second) - (first < second)


def start_of(span: Span, text: str) -> int:
    """Where a token starts, its leading space aside; white space alone starts where it stands."""
    blank = len(text) - len(text.lstrip())
    return span[0] + (blank if blank < min(len(text), span[1] - span[0]) else 0)
