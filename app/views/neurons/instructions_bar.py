"""One line in which a user names the instructions that both models read."""

from __future__ import annotations

from pathlib import Path

from analysis.neurons.instructions import (
    InstructionSet,
    demo_instructions,
    instructions_from_file,
    natural_instructions,
)
from app.widgets.file_bar import FileBar

_SHIPPED = {"demo": demo_instructions, "natural": natural_instructions}


class InstructionsBar(FileBar[InstructionSet]):
    """Reads a set of instructions."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(f"instructions: a file of JSON lines, or {' or '.join(_SHIPPED)}", id=id)

    def _shipped(self, name: str) -> InstructionSet | None:
        return _SHIPPED[name]() if name in _SHIPPED else None

    def _read(self, path: Path, *, skip: bool) -> InstructionSet:
        return instructions_from_file(path, skip_malformed=skip)

    def _amount(self, content: InstructionSet) -> str:
        return f"{len(content):,} instructions"
