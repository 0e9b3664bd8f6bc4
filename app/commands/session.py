"""A session on the user's result cache, and waiting for answers with a progress bar."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from analysis import events
from analysis.models.request import Architecture, built_alike, opening
from analysis.request import Ask, ModelChoice, Request
from analysis.session.drive import Answerer, Asker
from analysis.session.session import Session
from app.commands.cache_place import cache_place, unusable, usual_folder
from app.commands.output import say
from app.jobs.progress_text import STAGES
from app.terminal.text import prose
from cache.errors import CacheAddressError, CacheUnavailableError
from cache.opening import open_results
from cache.results import Results

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

R = TypeVar("R")

_STAGES = {**STAGES, "generate": "generating"}


def opened_results(options: Namespace) -> Results:
    """Where results are kept.

    Raises:
        ProblemError: ``input`` for an address that nothing here can use.
        CacheUnavailableError: The folder can be neither written nor read.
    """
    place = cache_place(options)
    try:
        return open_results(place, usual_folder() / "copies")
    except CacheAddressError as error:
        raise unusable(place, error) from error


def open_store(options: Namespace) -> tuple[Results | None, str]:
    """The result store (None if unusable), and a warning if it is unusable or was repaired.

    Raises ProblemError, ``input``, for an address that nothing here can use.
    """
    try:
        store = opened_results(options)
    except CacheUnavailableError as error:
        return None, f"Results will not be kept: {error}"
    return store, store.repaired


@contextmanager
def session(options: Namespace) -> Iterator[Session]:
    """A session on the user's cache, always closed at the end."""
    store, warning = open_store(options)
    if warning:
        say(warning)
    opened = Session(store)
    try:
        yield opened
    finally:
        opened.close()


def progress_bars() -> Bars:
    """Progress bars on standard error that leave nothing behind."""
    # Imported here: the app uses this module too, and draws progress itself.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        # In a log it would leave an empty line.
        disable=not console.is_terminal,
    )


def run_with_progress(session: Answerer, request: Request[R]) -> R:
    """Submit a request and wait, showing progress; raises ProblemError if the request failed."""
    asking = Asker(session).answer(request, events.Progress("", 0, None), lambda news: news)
    with progress_bars() as bar:
        task = bar.add_task("", total=None)
        while True:
            try:
                said = next(asking)
            except StopIteration as end:
                result: R = end.value
                return result
            if isinstance(said, events.Notice):
                say(str(said.problem))
            elif said.stage:
                words = prose(f"{_STAGES.get(said.stage, said.stage)} {said.detail}".strip())
                bar.update(task, description=words, completed=said.done, total=said.total)


def answers(session: Answerer, asks: Iterable[Ask[R]]) -> list[tuple[R, ...]]:
    """The answers to all asks, in order; raises ProblemError if a request failed."""
    return [tuple(run_with_progress(session, each) for each in ask.requests) for ask in asks]


def architecture(session: Answerer, base: ModelChoice, tuned: ModelChoice) -> Architecture:
    """The architecture both models share; raises ProblemError if unreadable or different."""
    (first,), (second,) = answers(session, opening(base, tuned))
    return built_alike(first, second)
