"""Word lists for analyses of weights: by falling frequency, with their source.

A word is a vocabulary entry of the analysis, not a token (METHODS 2). Case variants stay separate
here because a model distinguishes them; they are merged when models are compared.
"""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.demo.catalog import VECTORS_NAME, WEIGHTS
from analysis.files.text import utf8
from analysis.problems import ProblemError, problem

ENGLISH_WORDS = 20_000
"""Size of the default list; its last word occurs about twice in a million words. The paper's list
has 22,178 entries made of letters only."""

MOST_WORDS = 100_000
"""Longer lists are cut: at the width of a 7B model their embeddings would take 1.6 GB."""

LONGEST_WORD = 100
"""Maximum word length in characters."""

_MOST_BYTES = 100_000_000
# Separators of words and counts; a space stands for any white space.
_SEPARATORS = "\t;, "


@dataclass(frozen=True)
class WordList:
    """Distinct words by falling frequency; source and notes are for the user."""

    words: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.words)


def english_words(limit: int = 0) -> WordList:
    """The `limit` most frequent English words of letters only, in lower case; 0: `ENGLISH_WORDS`.

    From wordfreq 3.1 (code Apache-2.0, data CC-BY-SA-4.0), which covers English up to about 2021
    and is no longer updated.
    """
    # Imported here because it is slow to load and seldom needed.
    from wordfreq import iter_wordlist

    letters = (word for word in iter_wordlist("en") if word.isalpha())
    return _listed(letters, "the most frequent English words (wordfreq)", limit or ENGLISH_WORDS)


def demo_words(limit: int = 0) -> WordList:
    """The words of the demo pair's corpus."""
    with np.load(WEIGHTS / VECTORS_NAME, allow_pickle=False) as archive:
        words = archive["words"].tolist()
    return _listed(words, "the words of the demo pair's corpus", limit)


def token_words(token_texts: Iterable[str], limit: int = 0) -> WordList:
    """The words that are single tokens of a model's own vocabulary.

    These are the tokens made of a space followed by letters. A vocabulary has no frequencies; its
    order replaces them, since tokenizers add the most frequent tokens first.

    Args:
        token_texts: The exact text of every token, by id.
        limit: How many; 0 for all.

    Raises:
        ProblemError: ``model`` if there is no such token.
    """
    words = (text[1:] for text in token_texts if text[:1] == " " and text[1:].isalpha())
    listed = _listed(words, "the model's own tokens that are words", limit)
    if not listed.words:
        raise problem(
            "model",
            "The model's vocabulary has no words.",
            "No token is a space followed by letters.",
            "Give a word list.",
        )
    return listed


def words_from_file(path: Path, limit: int = 0) -> WordList:
    """The words of a user's list: text in UTF-8, or in UTF-16 with a byte order mark.

    Either one word per line, the most frequent first, or a word and its count or frequency
    separated by a tab, a semicolon, a comma or white space, in any order and with or without a
    header line. A word that occurs twice counts once, at its higher frequency.

    Args:
        path: The file.
        limit: Keep the most frequent; 0 for `MOST_WORDS`.

    Raises:
        ProblemError: ``storage`` if the file cannot be read; ``input`` if it is not a word list,
            naming the line.
    """
    lines = list(_lines(path))
    if not lines:
        raise _unusable(path, "There is no word in it.")
    separator = _separator([line for _, line in lines[:50]])
    if separator is None:
        words = [_checked(path, number, line.strip()) for number, line in lines]
        return _listed(words, path.name, limit)
    counted: list[tuple[str, float]] = []
    for position, (number, line) in enumerate(lines):
        word, count = _entry(line, separator)
        if count is None and position == 0:
            continue  # A line of headings.
        if count is None or not 0 <= count < math.inf:
            raise _unusable(path, f"Line {number} is no word and its count: {line.strip()[:40]!r}.")
        counted.append((_checked(path, number, word), count))
    counted.sort(key=lambda entry: -entry[1])
    if not counted:
        raise _unusable(path, "There is no word in it.")
    return _listed((word for word, _ in counted), path.name, limit)


def _listed(words: Iterable[str], source: str, limit: int) -> WordList:
    """Distinct words, at most `limit`, with notes on what was left out."""
    most = min(limit or MOST_WORDS, MOST_WORDS)
    different: dict[str, None] = {}
    repeated = beyond = 0
    for word in words:
        # Normalise so that é is one character, not two.
        composed = unicodedata.normalize("NFC", word)
        if composed in different:
            repeated += 1
        elif len(different) < most:
            different[composed] = None
        elif limit:
            break
        else:
            beyond += 1
    notes = []
    if repeated:
        notes.append(f"{repeated:,} repeated words of the list count once.")
    if beyond:
        notes.append(f"Only the {most:,} most frequent words are used, {beyond:,} are not.")
    return WordList(tuple(different), source, tuple(notes))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of each non-blank line."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _unusable(path, f"It is larger than {_MOST_BYTES // 1_000_000} MB.")
        content = utf8(path.read_bytes())
    except OSError as error:
        raise problem("storage", f"{path} cannot be read.", f"{error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise _unusable(path, f"{error}.", "Save it again as UTF-8.") from None
    for number, line in enumerate(io.BytesIO(content), start=1):
        if b"\0" in line:
            raise _unusable(path, f"It is not text: line {number} has a zero byte.")
        try:
            text = line.decode()
        except UnicodeDecodeError:
            why = f"Line {number} is not UTF-8."
            raise _unusable(path, why, "Convert it to UTF-8.") from None
        if text.strip():
            yield number, text.rstrip("\r\n")


def _separator(lines: list[str]) -> str | None:
    """The separator of words and counts; a space for white space, None for a plain list."""
    body = lines[1:] or lines
    for separator in _SEPARATORS:
        entries = [_entry(line, separator) for line in body]
        counted = sum(bool(word) and count is not None for word, count in entries)
        if 2 * counted >= len(body):
            return separator
    return None


def _entry(line: str, separator: str) -> tuple[str, float | None]:
    """Word and count of a line; None if it has no count."""
    if len(line) > 10 * LONGEST_WORD:
        fields = [line]
    elif separator == " ":
        fields = line.rsplit(maxsplit=1)
    elif separator == "\t":
        fields = line.split("\t")
    else:
        fields = next(csv.reader([line], delimiter=separator), [])
    if len(fields) != 2:
        return line, None
    try:
        return fields[0].strip(), float(fields[1])
    except ValueError:
        return line, None


def _checked(path: Path, number: int, word: str) -> str:
    """`word`, checked to be a single word."""
    if not word or len(word) > LONGEST_WORD or len(word.split()) > 1:
        shown = f"{word[:40]}…" if len(word) > LONGEST_WORD else word
        raise _unusable(path, f"Line {number} is not one word: {shown!r}.")
    return word


def _unusable(path: Path, why: str, remedy: str = "") -> ProblemError:
    return problem(
        "input",
        f"{path} cannot be used as a word list.",
        why,
        remedy or "Write one word per line, or a word, a tab and its count.",
    )
