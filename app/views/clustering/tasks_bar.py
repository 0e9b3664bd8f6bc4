"""One line in which a user names the tasks that both models' states are clustered on."""

from __future__ import annotations

from pathlib import Path

from analysis.clustering.tasks.natural import natural_tasks
from analysis.clustering.tasks.reading import task_set_from_file
from analysis.clustering.tasks.task_set import TaskSet
from app.widgets.file_bar import FileBar

_NATURAL = "natural"


class TasksBar(FileBar[TaskSet]):
    """Reads a set of tasks; one that cannot be used is mended in its file, never left out."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(f"tasks: a .toml or .jsonl file, or {_NATURAL}", id=id)

    def _shipped(self, name: str) -> TaskSet | None:
        return natural_tasks() if name == _NATURAL else None

    def _read(self, path: Path, *, skip: bool) -> TaskSet:
        return task_set_from_file(path)

    def _amount(self, content: TaskSet) -> str:
        return f"{len(content.tasks):,} tasks"
