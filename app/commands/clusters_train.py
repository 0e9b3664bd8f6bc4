"""``insttui clusters train``: train a small model on synthetic tasks, see its states cluster."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from analysis.clustering.runs import TrainingRun, open_run
from analysis.clustering.training import settings
from analysis.clustering.training.instances import set_sizes
from analysis.problems import ProblemError, problem
from app.terminal.text import prose

_DECODER: msgspec.json.Decoder[settings.Message] = msgspec.json.Decoder(settings.Message)

_SECONDS_BETWEEN_LINES = 30.0
"""Between lines of a log, where no bar is drawn."""


def run(options: Namespace) -> int:
    """Train, resuming an unfinished run in the folder, and print a summary."""
    folder = Path(options.out).expanduser().absolute()
    _follow(folder, options)
    for line in summary(open_run(folder)):
        print(prose(line))
    return 0


def summary(run: TrainingRun) -> list[str]:
    """First epoch, best by validation and last, by layer: task F1 and nearest neighbours."""
    first, best, last = run.epochs[0], run.best_epoch, run.epochs[-1]
    epochs = list(dict.fromkeys((first, last if best is None else best, last)))
    f1 = {
        (row.epoch, row.split, row.layer): row.f1
        for row in run.curves.clusters
        if row.label == "task"
    }
    neighbours = {(row.epoch, row.layer): row for row in run.curves.neighbours}
    accuracy = {(row.epoch, row.split): row.accuracy for row in run.curves.accuracies}

    def change(values: Iterable[float]) -> str:
        return " → ".join(f"{value:.3f}" for value in values)

    def right(split: str) -> str:
        return change(accuracy[epoch, split] for epoch in epochs)

    named = [f"epoch {epoch}{' (best)' if epoch == best else ''}" for epoch in epochs]
    lines = [
        f"{run.settings.preset}, seed {run.settings.seed}: {' → '.join(named)}",
        _sizes(run),
        *(["clusters: after t-SNE to three dimensions"] if run.settings.training.tsne else []),
        "",
        f"outputs right: {right('training')} of the training subset, {right('validation')} with "
        "unseen instructions; by these the best epoch is chosen",
        "",
    ]
    heads = ("task F1, training", "task F1, unseen", "neighbours of task", "right by neighbours")
    wide = 2 + max(map(len, (change([0.0] * len(epochs)), *heads)))
    lines.append(f"{'layer':<6}" + "".join(f"{head:<{wide}}" for head in heads).rstrip())
    for layer in run.layers:
        cells = [
            change(f1[epoch, split, layer] for epoch in epochs)
            for split in ("training", "validation")
        ]
        near = [neighbours[epoch, layer] for epoch in epochs]
        cells += [change(row.share for row in near), change(row.accuracy for row in near)]
        lines.append(f"{layer:<6}" + "".join(f"{cell:<{wide}}" for cell in cells).rstrip())
    return [*lines, "", f"Everything measured is in {run.folder}."]


def _sizes(run: TrainingRun) -> str:
    """The size of every set, for the paper's presets beside the paper's."""
    theirs = settings.PAPER_SIZES if run.settings.preset.startswith("paper-") else {}
    said = [
        f"{count:,} {name}" + (f" (paper: {theirs[name]:,})" if name in theirs else "")
        for name, count in set_sizes(run.instances).items()
    ]
    return f"instances: {', '.join(said)}"


def _follow(folder: Path, options: Namespace) -> None:
    command = [sys.executable, "-P", "-m", "analysis.clustering.training", str(folder)]
    command += ["--preset", options.preset, "--seed", str(options.seed)]
    command += ["--device", options.device, *(["--tsne"] if options.tsne else [])]
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
            assert process.stdout is not None
            _show(_progress(process.stdout))
        if process.returncode:
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise problem(
                "internal",
                "The process that trains has failed.",
                last or f"It ended with status {process.returncode}.",
                "Start the command again: it goes on from the last checkpoint.",
            )


def _progress(lines: Iterable[bytes]) -> Iterator[settings.Progress]:
    for line in lines:
        message = _DECODER.decode(line)
        if isinstance(message, settings.Failed):
            raise ProblemError(message.problem)
        yield message


def _show(reports: Iterable[settings.Progress]) -> None:
    console = Console(stderr=True)
    if console.is_terminal:
        _draw_bar(reports, console)
    else:
        _print_lines(reports)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} steps/s" if speed else "")


def _draw_bar(reports: Iterable[settings.Progress], console: Console) -> None:
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=console,
    ) as bar:
        task = None
        for report in reports:
            if task is None:
                # A resumed run starts in the middle; its rate comes from the steps that follow.
                task = bar.add_task("", total=report.steps, completed=report.step)
            bar.update(task, completed=report.step, description=_words(report))


def _print_lines(reports: Iterable[settings.Progress]) -> None:
    start, first, printed = 0.0, 0, 0.0
    for report in reports:
        now = time.monotonic()
        if not start:
            start, first = now, report.step
        elif now - printed >= _SECONDS_BETWEEN_LINES or report.step == report.steps:
            printed = now
            rate = (report.step - first) / max(now - start, 1e-9)
            left = (report.steps - report.step) / rate if rate else 0.0
            words = f"{_words(report)}, {rate:.1f} steps/s, {left:.0f} s left"
            print(words, file=sys.stderr, flush=True)


def _words(report: settings.Progress) -> str:
    return (
        f"epoch {report.epoch} of {report.epochs}, loss {report.loss:.3f}, "
        f"unseen {100 * report.accuracy:.0f} % right"
    )
