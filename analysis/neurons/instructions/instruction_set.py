"""Instructions of several categories as one frozen structure, with a digest of what it holds."""

from __future__ import annotations

import hashlib
from functools import cached_property

import msgspec


class Instruction(msgspec.Struct, frozen=True):
    """One thing that a model is asked to do.

    Attributes:
        id: Unique in its set.
        category: Such as ``math``.
        instruction: What to do, as a user would type it.
        input: What to do it with; empty where the instruction says everything.
        response: A short answer that follows the instruction.
    """

    id: str
    category: str
    instruction: str
    input: str = ""
    response: str = ""

    @property
    def prompt(self) -> str:
        """What the model is given: the instruction, and the input in a paragraph of its own."""
        return f"{self.instruction}\n\n{self.input}" if self.input else self.instruction


class InstructionSet(msgspec.Struct, frozen=True, dict=True):
    """Instructions by category.

    Attributes:
        name: What a view calls the set: a shipped set's name or a file's; part of no digest.
        instructions: In the order of their source.
        notes: What was left out, in sentences; part of no digest.
    """

    name: str
    instructions: tuple[Instruction, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of instructions."""
        return len(self.instructions)

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The categories, in the order in which they are first met."""
        return tuple(dict.fromkeys(each.category for each in self.instructions))

    def of(self, category: str) -> tuple[Instruction, ...]:
        """The instructions of a category, in their order; none for an unknown one."""
        return tuple(each for each in self.instructions if each.category == category)

    @cached_property
    def digest(self) -> str:
        """64 hexadecimal digits, equal for equal instructions in equal order; for cache keys."""
        fields = [msgspec.structs.astuple(each) for each in self.instructions]
        return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()
