"""Instructions of several categories as a frozen structure with a content digest."""

from __future__ import annotations

import hashlib
from functools import cached_property

import msgspec


class Instruction(msgspec.Struct, frozen=True):
    """One instruction for a model; `id` is unique in its set, `input` empty if it needs none.

    `response` is a short answer that follows the instruction.
    """

    id: str
    category: str
    instruction: str
    input: str = ""
    response: str = ""

    @property
    def prompt(self) -> str:
        """The model's prompt: the instruction, with the input in its own paragraph."""
        return f"{self.instruction}\n\n{self.input}" if self.input else self.instruction


class InstructionSet(msgspec.Struct, frozen=True, dict=True):
    """Instructions by category, in source order; name and notes are not part of the digest.

    `name` is a shipped set's or a file's; `notes` say in sentences what was left out.
    """

    name: str
    instructions: tuple[Instruction, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.instructions)

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The categories in order of first appearance."""
        return tuple(dict.fromkeys(each.category for each in self.instructions))

    def of(self, category: str) -> tuple[Instruction, ...]:
        """The instructions of a category, in order; none for an unknown one."""
        return tuple(each for each in self.instructions if each.category == category)

    @cached_property
    def digest(self) -> str:
        """64 hexadecimal digits, equal for equal instructions in equal order; for cache keys."""
        fields = [msgspec.structs.astuple(each) for each in self.instructions]
        return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()
