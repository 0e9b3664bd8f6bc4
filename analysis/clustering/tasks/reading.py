"""Reads a user's tasks from TOML or JSON lines and explains errors."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import msgspec

from analysis.clustering.tasks.task_set import INPUT, ClusterTask, TaskSet
from analysis.files.text import utf8
from analysis.problems import ProblemError, problem

LARGEST_FILE = 10_000_000
"""Maximum size in bytes, because the file is read whole."""

_WANTED = (
    "Write a [[task]] for each with name, phrasings, mappings as [input, output] pairs and, where "
    "several tasks count as one, category; or a JSON object of these a line."
)


class _File(msgspec.Struct, frozen=True):
    """A TOML file of tasks; other fields are ignored."""

    task: tuple[ClusterTask, ...] = ()


def task_set_from_file(path: Path) -> TaskSet:
    """The tasks of a file: JSON lines if it is called ``.jsonl``, otherwise TOML.

        [[task]]
        name = "french-english"
        category = "translation"
        phrasings = ["Translate into English.", "In English, the French word {input}"]
        mappings = [["chat", "cat"], ["chien", "dog"]]

    The category is optional. ``{input}`` must be at the end of a phrasing; without it, the input
    goes on a line of its own. Duplicates are left out and mentioned in the notes. The text is
    UTF-8, or UTF-16 with a byte order mark.

    Raises:
        ProblemError: ``storage`` if the file cannot be read; ``input`` if it is too large, has the
            wrong format, or contains an unusable task, which is named.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST_FILE else b""
    except OSError as error:
        raise problem("storage", f"{path} cannot be read.", f"{error.strerror}.") from None
    if size > LARGEST_FILE:
        raise _unusable(path, f"It is larger than {LARGEST_FILE // 1_000_000} MB.", "Cut it.")
    try:
        content = utf8(content)
        tasks = _from_lines(content) if path.suffix == ".jsonl" else _from_toml(content)
    except (msgspec.DecodeError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _unusable(path, f"{error}".rstrip(".") + ".", _WANTED) from None
    if not tasks:
        raise _unusable(path, "There is no task in it.", _WANTED)
    twice = [name for name, count in Counter(task.name for task in tasks).items() if count > 1]
    if twice:
        raise _unusable(path, f"The task {twice[0]!r} occurs twice.", "Give each its own name.")
    notes: list[str] = []
    found = tuple(_checked(path, task, notes) for task in tasks)
    return TaskSet(path.name, found, tuple(notes))


def _from_toml(content: bytes) -> tuple[ClusterTask, ...]:
    return msgspec.convert(tomllib.loads(content.decode()), _File).task


def _from_lines(content: bytes) -> tuple[ClusterTask, ...]:
    found: list[ClusterTask] = []
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line, type=ClusterTask))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise msgspec.DecodeError(f"line {number}: {error}") from None
    return tuple(found)


def _checked(path: Path, task: ClusterTask, notes: list[str]) -> ClusterTask:
    """The task without duplicates, which are added to the notes."""
    if not task.name.strip():
        raise _unusable(path, "A task has no name.", _WANTED)
    name = repr(task.name)
    if not all(each.strip() for pair in task.mappings for each in pair):
        raise _unusable(path, f"A mapping of the task {name} has an empty side.", _WANTED)
    phrasings = tuple(dict.fromkeys(each.strip() for each in task.phrasings if each.strip()))
    mappings = tuple(dict.fromkeys((given.strip(), out.strip()) for given, out in task.mappings))
    if not phrasings or not mappings:
        missing = "mappings" if phrasings else "phrasings"
        raise _unusable(path, f"The task {name} has no {missing}.", _WANTED)
    for phrasing in phrasings:
        if INPUT in phrasing.removesuffix(INPUT):
            raise _unusable(
                path,
                f"A phrasing of the task {name} continues after its input: {phrasing!r}.",
                f"Put {INPUT} at its end: what is clustered is the state at the input's end.",
            )
    outputs: dict[str, str] = {}
    for given, output in mappings:
        if outputs.setdefault(given, output) != output:
            raise _unusable(
                path,
                f"The task {name} maps {given!r} to {outputs[given]!r} and to {output!r}.",
                "Keep one of them: an input has one output.",
            )
    for what, left in (
        ("phrasing", len(task.phrasings) - len(phrasings)),
        ("mapping", len(task.mappings) - len(mappings)),
    ):
        if left:
            plural = "" if left == 1 else "s"
            notes.append(f"{task.name}: {left} {what}{plural} left out, empty or there twice.")
    return ClusterTask(task.name, phrasings, mappings, task.category.strip())


def _unusable(path: Path, why: str, remedy: str) -> ProblemError:
    return problem("input", f"{path} cannot be used as tasks.", why, remedy)
