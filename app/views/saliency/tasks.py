"""The answers of both models for the list of jobs."""

from __future__ import annotations

from collections.abc import Callable

from app.jobs.tasks import Task, TaskState
from app.terminal.text import prose
from app.views.saliency.answer import Answer
from app.views.saliency.pair import Pair
from app.views.saliency.side import Side


def tasks_of(
    pair: Pair, stop: Callable[[Answer], object], again: Callable[[Answer], object]
) -> list[Task]:
    """A task for each answer that was asked for; `stop` and `again` are told which."""
    return [
        _task(side, answer, stop, again)
        for side in reversed(pair.sides)
        for answer in side.answers
        if answer.running or answer.stopped or answer.problem or answer.attribution is not None
    ]


def _task(
    side: Side, answer: Answer, stop: Callable[[Answer], object], again: Callable[[Answer], object]
) -> Task:
    name = prose(side.name_of(answer))
    if answer.running:
        state: TaskState = "waiting" if answer.progress is None else "running"
        return Task(name, state, answer.progress_line(side.name), stop=lambda: stop(answer))
    if answer.problem is not None:
        said = prose(str(answer.problem))
        return Task(name, "failed", said, again=lambda: again(answer))
    if answer.stopped:
        return Task(name, "stopped", "what it had is kept", again=lambda: again(answer))
    return Task(name, "done", "stored" if answer.from_cache else "")
