"""Runs a study to its end, showing progress, rate and time left on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars

from analysis.events import Notice, Progress
from analysis.session.drive import Asking
from app.commands.output import say
from app.jobs.pace import Pace
from app.terminal.text import prose


class _Shown(Protocol):
    def __call__(self, progress: Progress, pace: Pace) -> None: ...


T = TypeVar("T")


def follow(study: Asking[T]) -> T:
    """Run a study or an import to its end, and always close it.

    That results cannot be stored, or read, is said at once and once: what is computed from there on
    is lost with the process.

    Raises ProblemError or KeyboardInterrupt.
    """
    stage, pace = "", Pace()
    said: set[str] = set()
    console = Console(stderr=True)
    try:
        with _bar(console) if console.is_terminal else _log() as show:
            while True:
                progress = next(study)
                if isinstance(progress, Notice):
                    # It is among the notes of the findings, too.
                    told = str(progress.problem)
                    if progress.problem.kind == "storage" and told not in said:
                        said.add(told)
                        say(told)
                    continue
                if progress.stage != stage:
                    stage, pace = progress.stage, Pace()
                pace.reached(progress.done)
                show(progress, pace)
    except StopIteration as end:
        return cast("T", end.value)
    finally:
        study.close()


def in_words(progress: Progress, pace: Pace) -> str:
    """``asking demo-base: 40 of 200, 3.2 a second, 50 s left``."""
    steps = f"{progress.stage}: {progress.done}"
    if progress.total is not None:
        steps += f" of {progress.total}"
    return ", ".join([steps, *_rate(progress, pace)])


def _rate(progress: Progress, pace: Pace) -> list[str]:
    rate, left = pace.per_second, pace.seconds_left(progress.total)
    words = []
    if rate is not None:
        words.append(f"{rate:.1f} a second" if rate >= 1 else f"{1 / rate:.1f} s each")
    if left is not None:
        words.append(f"{_duration(left)} left")
    return words


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


@contextmanager
def _bar(console: Console) -> Iterator[_Shown]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    with Bars(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, rate="", detail="")

        def show(progress: Progress, pace: Pace) -> None:
            bar.update(
                task,
                description=prose(progress.stage),
                completed=progress.done,
                total=progress.total,
                rate=", ".join(_rate(progress, pace)),
                detail=prose(progress.detail),
            )

        yield show


@contextmanager
def _log() -> Iterator[_Shown]:
    """A line every tenth of a stage, if nobody is watching."""
    last: tuple[str, int] = ("", 0)

    def show(progress: Progress, pace: Pace) -> None:
        nonlocal last
        now = (progress.stage, 10 * progress.done // max(1, progress.total or progress.done + 1))
        if now != last:
            last = now
            print(f"insttui: {prose(in_words(progress, pace))}", file=sys.stderr, flush=True)

    yield show
