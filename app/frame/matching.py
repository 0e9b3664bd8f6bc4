"""Finding a command by whatever a user calls it: its key, its label, its id, words about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# How good a match is, the best first. A guess counts only where nothing else matches.
_KEY, _LABEL, _BEGINNING, _WORD, _INSIDE, _WORDS, _GUESS = 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0
_SPELLINGS = {"escape": "esc", "return": "enter", "control": "ctrl", "^": "ctrl-"}


class Candidate(NamedTuple):
    """What is known of a command.

    Attributes:
        keys: Its keys as they are shown, between spaces.
        label: Its word in the key line; may be empty.
        id: Its name in the settings.
        words: A line about it.
    """

    keys: str
    label: str
    id: str
    words: str


class Match(NamedTuple):
    """A candidate that matches.

    Attributes:
        number: Its place among the candidates.
        score: Higher for better ones, above 0.
        offsets: Where the line about it has what was typed.
    """

    number: int
    score: float
    offsets: tuple[int, ...]


def matches(query: str, candidates: Iterable[Candidate]) -> list[Match]:
    """The candidates that match, the best first; guesses only if nothing matches well."""
    typed = " ".join(query.split())
    found = []
    for number, each in enumerate(candidates):
        score, offsets = _match(typed, each)
        if score:
            found.append(Match(number, score, tuple(offsets)))
    found.sort(key=lambda match: -match.score)
    sure = [match for match in found if match.score > _GUESS]
    return sure or found


def _match(typed: str, candidate: Candidate) -> tuple[float, Sequence[int]]:
    if _as_key(typed) in candidate.keys.split():
        return _KEY, ()
    query, words = typed.lower(), candidate.words.lower()
    label, name = candidate.label.lower(), candidate.id.lower()
    at = words.find(query)
    offsets = range(at, at + len(query)) if at >= 0 else ()
    scope, _, own = name.partition(".")
    for score, matched in (
        (_LABEL, query in (label, name, own)),
        (_BEGINNING, bool(label) and label.startswith(query)),
        (_WORD, _starts_a_word(query, words)),
        (_INSIDE, query in words or query in name or query in label),
    ):
        if matched:
            return score, offsets
    text = f"{words} {label} {name} {candidate.keys.lower()}"
    parts = query.split()
    if all(_starts_a_word(part, text) for part in parts):
        return _WORDS, [n for part in parts for n in _places(part, words)]
    for line in (words, f"{label} {scope} {own}"):
        if (guessed := _scattered(query.replace(" ", ""), line)) is not None:
            spread = guessed[-1] - guessed[0] + 1
            return _GUESS * len(guessed) / spread, guessed if line is words else ()
    return 0.0, ()


def _as_key(typed: str) -> str:
    """A key as it is shown: ctrl+e, Ctrl-E and ^e are ctrl-e; E is not e."""
    if len(typed) == 1:
        return typed
    key = typed.lower().replace("+", "-")
    for spelling, shown in _SPELLINGS.items():
        key = key.replace(spelling, shown)
    return key


def _starts_a_word(part: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(part)}", text) is not None


def _places(part: str, words: str) -> range:
    at = words.find(part)
    return range(at, at + len(part)) if at >= 0 else range(0)


def _scattered(letters: str, line: str) -> tuple[int, ...] | None:
    """Where the letters stand in this order, from the start of a word on; the closest together."""
    best: tuple[int, ...] | None = None
    for start in re.finditer(rf"(?<!\w){re.escape(letters[:1])}", line):
        places = [start.start()]
        for letter in letters[1:]:
            at = line.find(letter, places[-1] + 1)
            if at < 0:
                break
            places.append(at)
        else:
            if best is None or places[-1] - places[0] < best[-1] - best[0]:
                best = tuple(places)
    # Letters strewn over a whole line are no abbreviation of it.
    return best if best and best[-1] - best[0] < 4 * len(letters) else None
