"""Tasks, their phrasings and their mappings as one frozen structure (METHODS 5)."""

from __future__ import annotations

import msgspec

INPUT = "{input}"
"""Where a phrasing may have the input: at its end."""

LABELS = ("task", "distribution", "distribution-mapping")
"""What instances are labelled by.

``task``: the paper's task identity; tasks of one category share it. ``distribution``: the
description that the instruction rephrases, one a task of the file. ``distribution-mapping``: that
and the mapping.
"""


class ClusterTask(msgspec.Struct, frozen=True):
    """A task: the ways to ask for it, and what it maps to what.

    Attributes:
        name: Unique in its set, such as ``country-capital``.
        phrasings: Instructions, each with the input after it: in a new line, or at ``{input}``.
        mappings: (input, output) pairs; no input twice.
        category: Tasks of one category count as one; empty where the task stands for itself.
    """

    name: str
    phrasings: tuple[str, ...]
    mappings: tuple[tuple[str, str], ...]
    category: str = ""

    @property
    def identity(self) -> str:
        """What the label ``task`` says of it."""
        return self.category or self.name


class TaskSet(msgspec.Struct, frozen=True):
    """Tasks to be told apart.

    Attributes:
        name: What a view calls the set: ``natural`` or a file's name.
        tasks: In the order of their source.
        notes: What was left out, in sentences.
    """

    name: str
    tasks: tuple[ClusterTask, ...]
    notes: tuple[str, ...] = ()


def prompt_of(phrasing: str, given: str) -> str:
    """The text of an instance up to its output: the instruction and, last, the input."""
    if INPUT in phrasing:
        return phrasing.replace(INPUT, given)
    return f"{phrasing}\n{given}"
