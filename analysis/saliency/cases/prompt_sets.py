"""Prompt sets for studies, read from JSONL, CSV or TSV, or the demo's own."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from analysis.files.text import utf8
from analysis.models.tokens import Span
from analysis.problems import ProblemError, problem
from analysis.saliency.cases.instructions import guess_instructions, located
from analysis.saliency.cases.prompt_lines import Columns, Entry, UnusableLineError, entries_of

DEMO_PROMPTS = "demo"
"""The name of the demo's held-out prompts."""

_DEMO_PROMPTS_PER_TASK = 4
# Enough for every reference; the base model never stops by itself.
DEMO_NEW_TOKENS = 64
_MOST_SHOWN = 5

BadLines = Literal["refuse", "skip"]


@dataclass(frozen=True)
class StudyPrompt:
    """One prompt of a set.

    Attributes:
        id: Its name, unique in the set.
        dataset: The collection it comes from.
        prompt: The text given to the models.
        instruction: Character spans of its instructions, in order.
        guessed: Whether they are the guess of `instructions.guess_instructions`.
        rating: How well the tuned model's response follows the prompt, 1 to 4; None if unknown.
        references: The answers that count as following it, the most typical first.
    """

    id: str
    dataset: str
    prompt: str
    instruction: tuple[Span, ...]
    guessed: bool
    rating: float | None = None
    references: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The most typical answer, or the dataset's only one; empty for none."""
        return self.references[0] if self.references else ""


@dataclass(frozen=True)
class PromptSet:
    """Prompts in order.

    Attributes:
        name: What the user called it: a file's name, or `DEMO_PROMPTS`.
        prompts: At least one.
        digest: Identifies the content: SHA-256 of the file in hexadecimal.
        skipped: What was wrong with each skipped line, beginning with the line number.
        max_new_tokens: How long responses need to be, if the set knows; otherwise None.
        rated_by_reference: Responses are rated by comparing them with the prompts' references.
        shortest_rated: Fewest tokens of a response that can be rated, if the set knows.
    """

    name: str
    prompts: tuple[StudyPrompt, ...]
    digest: str
    skipped: tuple[str, ...] = ()
    max_new_tokens: int | None = None
    rated_by_reference: bool = False
    shortest_rated: int | None = None

    @property
    def guessed(self) -> int:
        """Number of prompts whose instructions are a guess."""
        return sum(each.guessed for each in self.prompts)


def demo_prompts() -> PromptSet:
    """The demo's held-out phrasings, the first four per task: unseen by both models."""
    from analysis.demo.catalog import held_out_phrasings

    by_task: dict[str, list[StudyPrompt]] = {}
    for each in held_out_phrasings():
        by_task.setdefault(each.task, []).append(
            StudyPrompt(
                id=each.id,
                dataset=DEMO_PROMPTS,
                prompt=each.prompt,
                instruction=each.instruction_places,
                guessed=False,
                references=each.references,
            )
        )
    prompts = [each for group in by_task.values() for each in group[:_DEMO_PROMPTS_PER_TASK]]
    digest = hashlib.sha256(json.dumps([each.prompt for each in prompts]).encode()).hexdigest()
    return PromptSet(
        DEMO_PROMPTS,
        tuple(prompts),
        digest,
        max_new_tokens=DEMO_NEW_TOKENS,
        rated_by_reference=True,
        # Where a word is asked for, the right answer may be a single token.
        shortest_rated=1,
    )


def read_prompt_set(
    path: Path, columns: Columns | None = None, *, bad_lines: BadLines = "refuse"
) -> PromptSet:
    """The prompts of a file, by its extension: .jsonl, .ndjson, .csv, .tsv or .tab.

    UTF-8, or UTF-16 with a byte order mark, with any line ends; blank lines are ignored. The first
    line of a table names its columns.

    Args:
        path: The file.
        columns: The file's column names; None for the defaults of `Columns`.
        bad_lines: Whether an unusable line makes the file unusable or is skipped.

    Raises:
        ProblemError: ``input``: the file cannot be read, lacks a column, has no prompt, or has an
            unusable line, which is named by its number.
    """
    columns = columns or Columns()
    data = _content(path)
    # Invalid UTF-8 bytes become lone surrogates, so that their line can be named.
    text = _utf8(path, data).decode("utf-8", "surrogateescape")
    prompts: list[StudyPrompt] = []
    skipped: list[str] = []
    lines: dict[str, int] = {}
    for number, entry in entries_of(text, path, columns):
        try:
            found = _prompt(number, entry, columns, path.stem)
            if found.id in lines:
                raise UnusableLineError(f"the id {found.id!r} is that of line {lines[found.id]}")
        except UnusableLineError as why:
            skipped.append(f"line {number}: {why}")
        else:
            lines[found.id] = number
            prompts.append(found)
    if skipped and bad_lines == "refuse":
        raise _refusal(path, skipped)
    if not prompts:
        raise problem(
            "input",
            f"There is no prompt in {path}.",
            f"All of its lines are unusable: {_listed(skipped)}." if skipped else "",
            "Give a file with at least one prompt.",
        )
    return PromptSet(path.name, tuple(prompts), hashlib.sha256(data).hexdigest(), tuple(skipped))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise problem(
            "input", f"The prompt set {path} cannot be read.", f"{error.strerror}."
        ) from None


def _utf8(path: Path, data: bytes) -> bytes:
    try:
        return utf8(data)
    except UnicodeDecodeError as error:
        raise problem(
            "input", f"{path} is broken.", f"{error}.", "Save it again as UTF-8."
        ) from None


def _prompt(number: int, entry: Entry, columns: Columns, name: str) -> StudyPrompt:
    """The prompt of a line; raises UnusableLineError if it has none or an invalid value."""
    if isinstance(entry, UnusableLineError):
        raise entry
    if not isinstance(entry.get(columns.prompt, ""), str):
        # A number would be asked as written and null as nothing; neither is what was meant.
        raise UnusableLineError("the prompt is no text")
    prompt = _text(entry, columns.prompt)
    if not prompt.strip():
        raise UnusableLineError(f"{columns.prompt!r} is empty")
    pieces = _pieces(entry.get(columns.instruction), columns.instruction)
    reference = _text(entry, columns.reference)
    return StudyPrompt(
        id=_text(entry, columns.id).strip() or str(number),
        dataset=_text(entry, columns.dataset).strip() or name,
        prompt=prompt,
        instruction=_places(prompt, pieces) or tuple(guess_instructions(prompt)),
        guessed=not pieces,
        rating=_rating(entry.get(columns.rating), columns.rating),
        references=(reference,) if reference else (),
    )


def _text(entry: Mapping[str, object], column: str) -> str:
    value = entry.get(column)
    if value is None:
        return ""
    if isinstance(value, bool | list | dict):
        raise UnusableLineError(f"{column!r} is no text")
    return _whole(str(value), column)


def _whole(text: str, column: str) -> str:
    """The text, refused if it has bytes that are not UTF-8 or characters that are not text."""
    if any("\ud800" <= each <= "\udfff" for each in text):
        raise UnusableLineError(f"{column!r} is not UTF-8 text")
    if "\0" in text:
        raise UnusableLineError(f"{column!r} has a NUL character")
    return text


def _pieces(value: object, column: str) -> list[str]:
    """The marked parts of a prompt: a list, a list written as JSON, or one text."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            value = [value]
    if value is None or value == "":
        return []
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UnusableLineError(f"{column!r} is neither a text nor a list of texts")
    return [_whole(each, column) for each in value if each.strip()]


def _places(prompt: str, pieces: list[str]) -> tuple[Span, ...]:
    try:
        return located(prompt, pieces)
    except KeyError as error:
        raise UnusableLineError(
            f"the instruction {_shortened(error.args[0])!r} does not occur in the prompt"
        ) from None


def _rating(value: object, column: str) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        if not isinstance(value, str | int | float):
            raise ValueError
        rating = float(value)
    except (ValueError, OverflowError):
        raise UnusableLineError(f"{column!r} is no number") from None
    if not math.isfinite(rating):
        raise UnusableLineError(f"{column!r} is no number")
    return rating if rating > 0 else None


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def _listed(lines: list[str]) -> str:
    more = len(lines) - _MOST_SHOWN
    return "; ".join(lines[:_MOST_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _refusal(path: Path, bad: list[str]) -> ProblemError:
    count = "A line" if len(bad) == 1 else f"{len(bad)} lines"
    return problem(
        "input",
        f"{count} of {path} cannot be used.",
        f"{_listed(bad)[:1].upper()}{_listed(bad)[1:]}.",
        "Fix the file, or leave such lines out with --bad-lines skip.",
    )
