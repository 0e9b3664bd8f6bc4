"""What a headless command asks and waits for, with a progress bar on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from analysis import events
from analysis.models.request import Architecture, built_alike, opening
from analysis.request import Ask, ModelChoice, Request
from analysis.session.drive import Answerer, Asker
from app.jobs.progress_text import STAGES
from app.terminal.text import prose

R = TypeVar("R")

_STAGES = {**STAGES, "generate": "generating"}


def run_with_progress(session: Answerer, request: Request[R]) -> R:
    """Submit a request and wait for its result, showing how far it is.

    Raises:
        ProblemError: The request failed.
    """
    console = Console(stderr=True)
    asking = Asker(session).answer(request, events.Progress("", 0, None), lambda news: news)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        # Where nobody watches, such as a log, it would leave an empty line.
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=None)
        while True:
            try:
                said = next(asking)
            except StopIteration as end:
                result: R = end.value
                return result
            if isinstance(said, events.Notice):
                print(f"insttui: {prose(str(said.problem))}", file=sys.stderr)
            elif said.stage:
                words = prose(f"{_STAGES[said.stage]} {said.detail}".strip())
                bar.update(task, description=words, completed=said.done, total=said.total)


def answers(session: Answerer, asks: Iterable[Ask[R]]) -> list[tuple[R, ...]]:
    """The answers to all of these, in their order.

    Raises:
        ProblemError: One cannot be had.
    """
    return [tuple(run_with_progress(session, each) for each in ask.requests) for ask in asks]


def architecture(session: Answerer, base: ModelChoice, tuned: ModelChoice) -> Architecture:
    """What both models of a pair are built of.

    Raises:
        ProblemError: One of them cannot be read, or they are not built alike.
    """
    (first,), (second,) = answers(session, opening(base, tuned))
    return built_alike(first, second)
