"""A session on the user's result cache, and waiting for answers with a progress bar."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from platformdirs import user_cache_path

from analysis import events
from analysis.models.request import Architecture, built_alike, opening
from analysis.problems import ProblemError, problem
from analysis.request import Ask, ModelChoice, Request
from analysis.session.drive import Answerer, Asker, Asking
from analysis.session.session import Session
from app.commands.output import say
from app.commands.sharing import opened
from app.jobs.progress_text import STAGES
from app.terminal.text import prose
from cache.address import folder_at, is_shared
from cache.errors import CacheAddressError, CacheUnavailableError
from cache.store import DEFAULT_SIZE_LIMIT, UNLIMITED
from cache.stores import ResultStore, open_at

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

R = TypeVar("R")

_STAGES = {**STAGES, "generate": "generating"}


def cache_folder(options: Namespace) -> Path:
    """The folder for what is kept on this machine: stored results, unless they have an address."""
    given: str = getattr(options, "cache_dir", None) or ""
    if given and not is_shared(given):
        return Path(given).expanduser()
    return user_cache_path("insttui", appauthor=False)


def cache_place(options: Namespace) -> str:
    """The folder or the address of stored results."""
    given: str = getattr(options, "cache_dir", None) or ""
    return given if is_shared(given) else str(cache_folder(options))


def opened_at(place: str, *, size_limit: int = DEFAULT_SIZE_LIMIT) -> ResultStore:
    """The result store at a place; copies of what is far away are kept in the usual folder.

    Raises:
        ProblemError: ``input`` for an address that nothing here can use.
        CacheUnavailableError: It can be neither written nor read.
    """
    copies = user_cache_path("insttui", appauthor=False) / "copies"
    try:
        return open_at(place, size_limit=size_limit, copies=copies)
    except CacheAddressError as error:
        raise _refused(place, error) from error


def check_address(address: str) -> None:
    """Raise ProblemError, ``input``, for an address that nothing here can use."""
    if folder_at(address) is not None:
        return
    # Imported here: most caches are folders.
    from cache import objects

    try:
        objects.check_address(address)
    except CacheAddressError as error:
        raise _refused(address, error) from error


def _refused(place: str, error: CacheAddressError) -> ProblemError:
    what = f"No results can be kept at {place}."
    return problem("input", what, error.reason, error.remedy)


def open_store(
    options: Namespace, *, size_limit: int = DEFAULT_SIZE_LIMIT
) -> tuple[ResultStore | None, str]:
    """The result store (None if unusable), and a warning if it is unusable or was repaired.

    Raises ProblemError, ``input``, for an address that nothing here can use.
    """
    try:
        store = opened_at(cache_place(options), size_limit=size_limit)
    except CacheUnavailableError as error:
        return None, f"Results will not be kept: {error}"
    return store, store.repaired


@contextmanager
def session(options: Namespace) -> Iterator[Session]:
    """A session on the user's cache, always closed at the end."""
    with closing(Session(_store(options))) as one:
        yield one


@contextmanager
def workers(options: Namespace) -> Iterator[Answerer]:
    """As many engines as the options of `options.add_sharing` ask for, on the user's cache.

    It may grow as long as the disk has room: a study reads all its answers again at its end.
    """
    with opened(options, _store(options, size_limit=UNLIMITED)) as answerer:
        yield answerer


def _store(options: Namespace, *, size_limit: int = DEFAULT_SIZE_LIMIT) -> ResultStore | None:
    store, warning = open_store(options, size_limit=size_limit)
    if warning:
        say(warning)
    return store


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
    return _follow(Asker(session).answer(request, events.Progress("", 0, None), lambda news: news))


def _follow(asking: Asking[R]) -> R:
    with progress_bars() as bar, closing(asking):
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
    asks = list(asks)
    _follow(Asker(session).ahead("comparing", [each for ask in asks for each in ask.requests]))
    return [tuple(run_with_progress(session, each) for each in ask.requests) for ask in asks]


def architecture(session: Answerer, base: ModelChoice, tuned: ModelChoice) -> Architecture:
    """The architecture both models share; raises ProblemError if unreadable or different."""
    (first,), (second,) = answers(session, opening(base, tuned))
    return built_alike(first, second)
