"""A progress bar on standard error for a request that a headless command waits for."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from analysis import events
from analysis.request import Request
from analysis.session.session import Session
from app.terminal.text import prose

_STAGES = {
    "start": "starting the engine",
    "download": "downloading",
    "load": "loading",
    "generate": "generating",
    "attribute": "attributing",
    "words": "reading words",
    "heads": "reading heads",
    "components": "finding components",
    "frequencies": "counting activations of",
    "ablation": "silencing neurons of",
    "tokens": "cutting into tokens",
    "states": "gathering hidden states",
    "clusters": "clustering",
}


def run_with_progress(session: Session, request: Request[Any]) -> Any:
    """Submit a request and wait for its result, showing how far it is.

    Raises:
        ProblemError: The request failed.
    """
    console = Console(stderr=True)
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

        def show(event: events.Event) -> None:
            if isinstance(event, events.Progress):
                words = prose(f"{_STAGES[event.stage]} {event.detail}".strip())
                bar.update(task, description=words, completed=event.done, total=event.total)
            elif isinstance(event, events.Notice):
                print(f"insttui: {prose(str(event.problem))}", file=sys.stderr)

        return session.submit(request, show).wait()
