"""Trains or evaluates the demo pair in its own process: ``python -m analysis.demo_training``.

Writes progress to standard output, one JSON object per line: stage, step, total and loss.
`app.commands.demo` starts this process to keep torch out of the one that talks to the user.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from analysis.demo_training.measuring import complete_info
from analysis.demo_training.optimisation import TrainingProgress
from analysis.demo_training.training import train_pair

_STEPS_PER_REPORT = 10


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m analysis.demo_training")
    parser.add_argument("action", choices=("train", "measure"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.action == "train":
        train_pair(options.folder, seed=options.seed, progress=_tell_training)
    complete_info(options.folder, _tell)


def _tell_training(progress: TrainingProgress) -> None:
    if progress.step % _STEPS_PER_REPORT == 0 or progress.step == progress.total:
        _tell(progress.stage, progress.step, progress.total, progress.loss)


def _tell(stage: str, step: int, total: int, loss: float = 0.0) -> None:
    line = {"stage": stage, "step": step, "total": total, "loss": loss}
    print(msgspec.json.encode(line).decode(), flush=True)


if __name__ == "__main__":
    main()
