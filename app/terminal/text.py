"""Arbitrary text, made visible and harmless for a terminal.

Tokens, prompts, model names and file names may contain anything. The returned text contains no
character that moves the cursor, changes the terminal's state, reorders text or has a disputed
width, and is never read as markup: callers put it into `Segment`, `Strip`, `Text` or `Content`.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len

CARRIER = "◌"
"""The base drawn under a combining mark that has none."""

ELLIPSIS = "…"

NEWLINE = "↵"

_SHORT_NAMES = {" ": "·", "\n": NEWLINE, "\t": "⇥"}

_ASCII_NAMES = {" ": "_", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\"}

# Controls, formats, surrogates, private use, unassigned, and every separator but the space.
_ESCAPED_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"))

# Invisible letters and marks (grapheme joiner, Hangul and Khmer fillers, variation selectors), and
# parts of emoji whose width terminals disagree about.
_ESCAPED_RANGES = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0x1F1E6, 0x1F1FF),
    (0x1F3FB, 0x1F3FF),
    (0xE0100, 0xE01EF),
)


@lru_cache(maxsize=1 << 14)
def visible(text: str, *, ascii_only: bool = False) -> str:
    r"""A token's text with everything invisible shown.

    Space `·`, newline `↵`, tab `⇥`, other controls as control pictures; characters that are
    invisible, reorder text or have no agreed width as their code point, `⟨202E⟩`. In ASCII mode
    `_`, `\n`, `\t`, `\x1b`, `\u202e`.
    """
    return _shown(text, ascii_only)


def prose(text: str, *, ascii_only: bool = False) -> str:
    """Like `visible`, but keeps ordinary spaces: for titles, prompts, model names and messages."""
    return " ".join(_shown(part, ascii_only) for part in text.split(" "))


def fit(text: str, cells: int) -> str:
    """Visible text cut to at most this many terminal columns; `…` marks the cut."""
    if cell_len(text) <= cells:
        return text
    if cells < 1:
        return ""
    left = cells - 1
    kept = 0
    for character in text:
        left -= cell_len(character)
        if left < 0:
            break
        kept += 1
    return text[:kept] + ELLIPSIS


def pad(text: str, cells: int) -> str:
    """Visible text cut or padded with spaces to exactly this many terminal columns."""
    fitted = fit(text, cells)
    return fitted + " " * (cells - cell_len(fitted))


def _shown(text: str, ascii_only: bool) -> str:
    if ascii_only:
        return "".join(map(_ascii_character, text))
    if text.isascii() and text.isalnum():
        return text
    shown: list[str] = []
    has_base = False
    for character in text:
        replacement = _character(character)
        if cell_len(replacement) == 0:
            if not has_base:
                shown.append(CARRIER)
            has_base = True
        else:
            has_base = replacement == character
        shown.append(replacement)
    return "".join(shown)


@lru_cache(maxsize=4096)
def _character(character: str) -> str:
    code = ord(character)
    if character in _SHORT_NAMES:
        return _SHORT_NAMES[character]
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if unicodedata.category(character) in _ESCAPED_CATEGORIES or any(
        first <= code <= last for first, last in _ESCAPED_RANGES
    ):
        return f"⟨{code:04X}⟩"
    return character


@lru_cache(maxsize=4096)
def _ascii_character(character: str) -> str:
    if character in _ASCII_NAMES:
        return _ASCII_NAMES[character]
    code = ord(character)
    if 0x20 < code < 0x7F:
        return character
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
