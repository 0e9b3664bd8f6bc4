"""Reads a user's instructions from JSON lines; malformed lines are reported by number."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from analysis.demo.catalog import held_out_phrasings, is_demo
from analysis.files.text import utf8
from analysis.neurons.instructions.instruction_set import Instruction, InstructionSet
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice

LARGEST_FILE = 100_000_000
"""Maximum size in bytes, because the file is read whole."""

LARGEST_CATEGORY = 65_535
"""Instructions of one category that can be counted: counts are stored in 16 bits."""

_SHOWN = 5
_WANTED = 'Write one object a line: {"id", "category", "instruction", "response"} and, if there is '
_WANTED += 'one, "input"; all of them texts.'


class MalformedLineError(ValueError):
    """Why a line is not a valid instruction."""


class _Line(msgspec.Struct, frozen=True):
    """A line of the file; other fields are ignored."""

    id: str
    category: str
    instruction: str
    response: str
    input: str = ""


def instructions_from_file(path: Path, *, skip_malformed: bool = False) -> InstructionSet:
    r"""The instructions of a file, one JSON object per line; blank lines are ignored.

        {"id": "1", "category": "math", "instruction": "Add.", "input": "2 and 3", "response": "5"}

    Any categories are allowed, even a single one. UTF-8, or UTF-16 with a byte order mark.

    Args:
        path: The file.
        skip_malformed: Skip malformed lines and say so in the set's notes.

    Raises:
        ProblemError: ``storage`` if the file cannot be read; ``input`` if it or a category is too
            large, it has no instruction, or, unless they are skipped, has malformed lines; the
            first of them are then named by number.
    """
    found: list[Instruction] = []
    malformed: list[str] = []
    ids: dict[str, int] = {}
    for number, line in _lines(path):
        try:
            instruction = _instruction(line)
            first = ids.setdefault(instruction.id, number)
            if first != number:
                raise MalformedLineError(f"its id {instruction.id!r} is that of line {first}")
            found.append(instruction)
        except MalformedLineError as error:
            malformed.append(f"line {number}: {error}")
    if malformed and not skip_malformed:
        raise _unusable(path, f"{_listed(malformed)}.", _WANTED)
    if not found:
        why = f"{_listed(malformed)}." if malformed else "There is no instruction in it."
        raise _unusable(path, why, _WANTED)
    most, count = Counter(each.category for each in found).most_common(1)[0]
    if count > LARGEST_CATEGORY:
        why = f"{count:,} instructions are of the category {most!r}."
        raise _unusable(path, why, f"Leave {LARGEST_CATEGORY:,} of a category.")
    lines = "line is" if len(malformed) == 1 else "lines are"
    note = f"{len(malformed)} {lines} left out: {_listed(malformed)}."
    return InstructionSet(path.name, tuple(found), (note,) if malformed else ())


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(number, content) of each non-blank line."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise _unusable(path, f"It is larger than {LARGEST_FILE // 1_000_000} MB.", "Cut it.")
        content = utf8(path.read_bytes())
    except OSError as error:
        raise problem("storage", f"{path} cannot be read.", f"{error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise _unusable(path, f"{error}.", "Save it again as UTF-8.") from None
    for number, line in enumerate(io.BytesIO(content), start=1):
        if line.strip():
            yield number, line


def _instruction(line: bytes) -> Instruction:
    """The instruction on a line, with id and category stripped of white space.

    Raises:
        MalformedLineError: The line is not a valid instruction.
    """
    try:
        each = msgspec.json.decode(line, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedLineError(f"{error}".rstrip(".")) from None
    read = Instruction(
        each.id.strip(), each.category.strip(), each.instruction, each.input, each.response
    )
    for field in ("id", "category", "instruction", "response"):
        if not getattr(read, field).strip():
            raise MalformedLineError(f"its {field} is empty")
    return read


def _listed(malformed: list[str]) -> str:
    more = len(malformed) - _SHOWN
    return "; ".join([*malformed[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])


def _unusable(path: Path, why: str, remedy: str) -> ProblemError:
    return problem("input", f"{path} cannot be used as instructions.", why, remedy)


CATEGORIES = (
    "classification",
    "code",
    "general question answering",
    "generation",
    "math",
    "summarisation",
)
"""The six of METHODS 6."""

# What the closed world asks for knowledge of is general question answering too; translation and
# the forms of words are none of the six.
_OF_DEMO_CATEGORY = {each: each for each in CATEGORIES} | {
    "question answering": "general question answering",
    "knowledge": "general question answering",
}


@cache
def natural_instructions() -> InstructionSet:
    """Instructions as people give them to a chat model, in all six categories."""
    found: list[Instruction] = []
    for category in CATEGORIES:
        path = Path(__file__).parent / f"{category.replace(' ', '_')}.jsonl"
        found.extend(instructions_from_file(path).instructions)
    return InstructionSet("natural", tuple(found))


@cache
def demo_instructions() -> InstructionSet:
    """The demo pair's held-out phrasings, those of the six categories."""
    prompts = [each for each in held_out_phrasings() if each.category in _OF_DEMO_CATEGORY]
    prompts.sort(key=lambda each: CATEGORIES.index(_OF_DEMO_CATEGORY[each.category]))
    found = tuple(
        Instruction(each.id, _OF_DEMO_CATEGORY[each.category], each.prompt, response=each.reference)
        for each in prompts
    )
    return InstructionSet("demo", found)


def default_instructions(base: ModelChoice, tuned: ModelChoice) -> InstructionSet:
    """The demo pair's own for the demo pair, the natural ones for all others."""
    return demo_instructions() if is_demo(base.name, tuned.name) else natural_instructions()
