"""``insttui demo``: describe the embedded pair of models, or train it again."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

_STAGES = {
    "corpus": "writing the corpus",
    "base": "training demo-base",
    "tuned": "training demo-tuned",
    "adapter": "training demo-lora",
    "respond": "answering the held-out prompts",
}
TRAINER = (sys.executable, "-P", "-m", "analysis.demo_training")
"""Command of the process that trains and measures; only that process imports torch."""


class _Report(NamedTuple):
    """One progress report of the process that trains and measures."""

    stage: str
    step: int
    total: int
    loss: float | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    info = actions.add_parser("info", help="what the demo pair is and how well it does")
    info.add_argument(
        "--measure", action="store_true", help="measure it anew, from the weights: ten minutes"
    )
    train = actions.add_parser("train", help="train both models anew, on this machine")
    train.add_argument("--output", required=True, metavar="DIR", help="a folder to write them to")
    train.add_argument("--seed", type=int, default=0, metavar="N")


def run(options: argparse.Namespace) -> int:
    return _train(options) if options.action == "train" else _info(options)


def _info(options: argparse.Namespace) -> int:
    import tempfile
    from pathlib import Path

    from analysis.demo import catalog
    from analysis.demo.report import describe

    if not options.measure:
        print(describe(catalog.info()))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        for path in catalog.WEIGHTS.iterdir():
            # Measuring rewrites the records beside the models: work on copies of the shipped ones.
            if path.is_dir():
                (Path(folder) / path.name).symlink_to(path)
            else:
                (Path(folder) / path.name).write_bytes(path.read_bytes())
        _follow("measure", Path(folder))
        print(describe(catalog.info(Path(folder))))
    return 0


def _train(options: argparse.Namespace) -> int:
    from pathlib import Path

    from analysis.demo import catalog
    from analysis.demo.report import describe
    from analysis.problems import problem

    folder = Path(options.output).expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise problem(
            "input", f"{folder} is not an empty folder.", "", "Name a new one with --output."
        )
    _follow("train", folder, "--seed", str(options.seed))
    print(describe(catalog.info(folder)))
    print(
        f"\nOpen it: insttui --base {folder / catalog.DEMO_BASE} "
        f"--tuned {folder / catalog.DEMO_TUNED}"
    )
    return 0


def _follow(action: str, folder: Path, *arguments: str) -> None:
    import subprocess
    import tempfile

    from analysis.problems import problem

    command = (*TRAINER, action, str(folder), *arguments)
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
            assert process.stdout is not None
            _draw(process.stdout)
        if process.returncode:
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise problem("internal", f"The process that should {action} the pair failed.", last)


def _draw(lines: Iterable[bytes]) -> None:
    """Show progress: bars on a terminal, otherwise a line for every tenth of a stage."""
    from rich.console import Console

    reports = (_Report(**json.loads(line)) for line in lines)
    console = Console(stderr=True)
    if console.is_terminal:
        _draw_bars(reports, console)
    else:
        _print_tenths(reports)


def _draw_bars(reports: Iterable[_Report], console: Console) -> None:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}", markup=False),
        console=console,
    ) as bar:
        tasks = {}
        for report in reports:
            if report.stage not in tasks:
                tasks[report.stage] = bar.add_task(_words(report), loss="")
            task, loss = tasks[report.stage], _loss(report)
            bar.update(task, completed=report.step, total=report.total, loss=loss)


def _print_tenths(reports: Iterable[_Report]) -> None:
    # By stage: two studies run at a time.
    last: dict[str, int] = {}
    for report in reports:
        now = 10 * report.step // max(1, report.total)
        if now != last.get(report.stage):
            last[report.stage] = now
            words = f"{_words(report)}: {report.step} of {report.total} {_loss(report)}"
            print(words.rstrip(), file=sys.stderr, flush=True)


def _words(report: _Report) -> str:
    """What a stage does; that of a study is called after it and its model."""
    return _STAGES.get(report.stage, report.stage)


def _loss(report: _Report) -> str:
    return f"loss {report.loss:.3f}" if report.loss else ""
