"""Trains in a process of its own: ``python -m analysis.clustering.training``.

Progress leaves on standard output, one JSON object a line, as does the problem it ends with, if
any. `app.commands.clusters_train` runs this, so that torch stays out of the user's process.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import msgspec

from analysis.clustering.training.messages import Failed, Message, Progress
from analysis.clustering.training.settings import preset_settings
from analysis.problems import ProblemError, problem

_SECONDS_BETWEEN_REPORTS = 0.5


def main() -> None:
    """Train as the command line asks."""
    parser = argparse.ArgumentParser(prog="python -m analysis.clustering.training")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    try:
        _train(options)
    except ProblemError as error:
        _tell(Failed(error.problem))
    except OSError as error:
        why = f"{error.strerror}." if error.strerror else str(error)
        _tell(Failed(problem("storage", f"{options.folder} cannot be written.", why).problem))


def _train(options: argparse.Namespace) -> None:
    settings = preset_settings(options.preset, options.seed)
    # cuBLAS reads this when it is first used; without it, it may add in another order.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    from analysis.clustering.training.training import train_run
    from analysis.engine.memory import is_out_of_memory

    # A device without such an algorithm for some step still trains, only not twice the same.
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        train_run(options.folder, settings, device=options.device, report=_Teller())
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise problem(
            "memory",
            f"There is not enough memory to train {settings.preset}.",
            str(error).partition("\n")[0],
            "Choose a smaller preset or another --device.",
        ) from None


class _Teller:
    """Passes on some of the reports: the last, and as many before as one can read."""

    def __init__(self) -> None:
        self._told = -_SECONDS_BETWEEN_REPORTS

    def __call__(self, report: Progress) -> None:
        now = time.monotonic()
        if now - self._told >= _SECONDS_BETWEEN_REPORTS or report.step == report.steps:
            self._told = now
            _tell(report)


def _tell(message: Message) -> None:
    print(msgspec.json.encode(message).decode(), flush=True)


if __name__ == "__main__":
    main()
