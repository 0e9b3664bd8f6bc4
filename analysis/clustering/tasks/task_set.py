"""Tasks, their phrasings and their mappings as frozen structures (METHODS 5)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

INPUT = "{input}"
"""Placeholder for the input at the end of a phrasing."""

LABELS = ("task", "distribution", "distribution-mapping")
"""The labels of an instance.

``task``: the paper's task identity; tasks of one category share it. ``distribution``: the
description that the instruction rephrases, one per task of the file. ``distribution-mapping``: the
distribution and the mapping.
"""


class ClusterTask(msgspec.Struct, frozen=True):
    """A task: the ways to ask for it, and its (input, output) mappings, with unique inputs.

    `name` is unique in its set, such as ``country-capital``. The input follows a phrasing on a new
    line, or at ``{input}``. Tasks of one category count as one; empty if the task stands for
    itself.
    """

    name: str
    phrasings: tuple[str, ...]
    mappings: tuple[tuple[str, str], ...]
    category: str = ""

    @property
    def identity(self) -> str:
        """The task's value of the label ``task``."""
        return self.category or self.name


class TaskSet(msgspec.Struct, frozen=True):
    """Tasks in source order whose instances are to be told apart; notes say what was left out.

    `name` is the set's in views: ``natural`` or a file's name.
    """

    name: str
    tasks: tuple[ClusterTask, ...]
    notes: tuple[str, ...] = ()

    def sampled(self, phrasings: int, mappings: int) -> TaskSet:
        """The same tasks with so many phrasings, spread over theirs, and their first mappings."""
        return msgspec.structs.replace(
            self, tasks=tuple(_sampled(task, phrasings, mappings) for task in self.tasks)
        )


def instances_in(tasks: Iterable[ClusterTask], mappings: int) -> int:
    """The number of instances: every phrasing of a task with each of its first mappings."""
    return sum(len(task.phrasings) * min(mappings, len(task.mappings)) for task in tasks)


def _sampled(task: ClusterTask, phrasings: int, mappings: int) -> ClusterTask:
    last, most = len(task.phrasings) - 1, min(phrasings, len(task.phrasings))
    chosen = dict.fromkeys(round(place * last / max(1, most - 1)) for place in range(most))
    return msgspec.structs.replace(
        task,
        phrasings=tuple(task.phrasings[each] for each in chosen),
        mappings=task.mappings[:mappings],
    )


def prompt_of(phrasing: str, given: str) -> str:
    """The text of an instance up to its output: the instruction, then the input."""
    if INPUT in phrasing:
        return phrasing.replace(INPUT, given)
    return f"{phrasing}\n{given}"
