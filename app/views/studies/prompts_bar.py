"""Where the prompts of a study are named, and which those of a pair were last."""

from __future__ import annotations

from pathlib import Path

from analysis.saliency.cases.prompt_sets import (
    DEMO_PROMPTS,
    PromptSet,
    demo_prompts,
    read_prompt_set,
)
from app.state import State
from app.widgets.file_bar import FileBar


class PromptsBar(FileBar[PromptSet]):
    """Reads a set of prompts."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(f"prompts: a .jsonl, .csv or .tsv file, or: {DEMO_PROMPTS}", id=id)

    def recalled(self, state: State, pair: str) -> PromptSet | None:
        """The prompts that a pair was studied on last; None for no file. Called on any thread.

        Raises ProblemError for a file that cannot be read.
        """
        file = state.study_prompts.get(pair)
        if not file:
            return None
        found = self._read(Path(file), skip=True)
        self.recall(Path(file))
        return found

    def remembered(self, state: State, pair: str, prompts: PromptSet) -> dict[str, str]:
        """The files of all pairs, with that of these prompts for this one, if they have any."""
        known = {**state.study_prompts, pair: str(self.file_called(prompts.name) or "")}
        return {pair: file for pair, file in known.items() if file}

    def _shipped(self, name: str) -> PromptSet | None:
        return demo_prompts() if name == DEMO_PROMPTS else None

    def _read(self, path: Path, *, skip: bool) -> PromptSet:
        return read_prompt_set(path, bad_lines="skip" if skip else "refuse")

    def _amount(self, content: PromptSet) -> str:
        return f"{len(content.prompts):,} prompts"
