"""One line in which a user names the prompts of a study."""

from __future__ import annotations

from pathlib import Path

from analysis.saliency.cases.prompt_sets import (
    DEMO_PROMPTS,
    PromptSet,
    demo_prompts,
    read_prompt_set,
)
from app.widgets.file_bar import FileBar


class PromptsBar(FileBar[PromptSet]):
    """Reads a set of prompts."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(f"prompts: a .jsonl, .csv or .tsv file, or: {DEMO_PROMPTS}", id=id)

    def _shipped(self, name: str) -> PromptSet | None:
        return demo_prompts() if name == DEMO_PROMPTS else None

    def _read(self, path: Path, *, skip: bool) -> PromptSet:
        return read_prompt_set(path, bad_lines="skip" if skip else "refuse")

    def _amount(self, content: PromptSet) -> str:
        return f"{len(content.prompts):,} prompts"
