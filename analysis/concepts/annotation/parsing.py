"""Parses answers strictly: anything but a valid answer gives None; nothing is guessed."""

from __future__ import annotations

import re

from analysis.concepts.annotation.annotation import SCENARIOS, Scenario
from analysis.concepts.tables import Level

CANNOT_TELL = "cannot tell"

_LONGEST_DESCRIPTION = 20  # words; more is an essay, not a concept
_FAILURES = re.compile(r"\b(?:can\s?not|can['’]t) tell\b", re.IGNORECASE)
# Refusals and apologies use the first person; concepts do not.
_FIRST_PERSON = re.compile(r"(?:i|i['’](?:m|ve|d|ll)|sorry|as an ai)\b", re.IGNORECASE)
_LABEL = re.compile(r"(?:answer|concept|description|tasks?|level|category):\s*", re.IGNORECASE)
_BULLET = re.compile(r"(?:[-*•]|\d+[.)])\s+")

_SCENARIOS: dict[str, Scenario] = {name: name for name in SCENARIOS}
_LEVELS: dict[str, Level] = {
    "phonology": "phonology",
    "phonological": "phonology",
    "morphology": "morphology",
    "morphological": "morphology",
    "syntax": "syntax",
    "syntactic": "syntax",
    "semantics": "semantics",
    "semantic": "semantics",
}


def parse_description(answer: str) -> str | None:
    """The concept on a single line; `CANNOT_TELL` if it says so; None if neither.

    As in the paper, an answer that contains "cannot tell" anywhere is not a description.
    """
    text = _spoken(answer)
    if _FAILURES.search(text):
        return CANNOT_TELL
    if "\n" in text:
        return None
    text = _plain(text)
    if _FIRST_PERSON.match(text) or len(text.split()) > _LONGEST_DESCRIPTION:
        return None
    return text if any(character.isalnum() for character in text) else None


def parse_scenarios(answer: str) -> tuple[Scenario, ...] | None:
    """The scenarios in canonical order, empty for "none"; None if any part is invalid."""
    parts = [
        _plain(_BULLET.sub("", part.strip(), count=1)).lower()
        for part in re.split(r"[;,\n]", _plain(_spoken(answer)))
    ]
    named = [part for part in parts if part]
    if named == ["none"]:
        return ()
    if not named or any(part not in _SCENARIOS for part in named):
        return None
    return tuple(scenario for scenario in SCENARIOS if scenario in named)


def parse_level(answer: str) -> Level | None:
    """The linguistic level, given as a noun or an adjective; None unless there is exactly one."""
    return _LEVELS.get(_plain(_spoken(answer)).lower())


def _spoken(answer: str) -> str:
    """The answer without the reasoning that some models write before it."""
    text = answer.strip()
    if text.startswith("<think>"):
        text = text.partition("</think>")[2].strip()
    return text


def _plain(text: str) -> str:
    """The text without a leading label and without surrounding quotes, emphasis or full stop."""
    text = _LABEL.sub("", text.strip().strip("\"'“”‘’*`"), count=1)
    return text.strip().strip("\"'“”‘’*`").removesuffix(".").strip()
