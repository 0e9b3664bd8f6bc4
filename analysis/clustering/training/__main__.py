"""Trains in its own process: ``python -m analysis.clustering.training``.

Writes progress and any final problem to standard output, one JSON object per line.
`app.commands.clusters_train` starts this process to keep torch out of the user's.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import msgspec

from analysis.clustering.training.settings import Failed, Message, Progress, preset_settings
from analysis.problems import ProblemError, problem

_SECONDS_BETWEEN_REPORTS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m analysis.clustering.training")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--tsne", action="store_true")
    options = parser.parse_args()
    try:
        _train(options)
    except ProblemError as error:
        _tell(Failed(error.problem))
    except OSError as error:
        why = f"{error.strerror}." if error.strerror else str(error)
        _tell(Failed(problem("storage", f"{options.folder} cannot be written.", why).problem))


def _train(options: argparse.Namespace) -> None:
    settings = preset_settings(options.preset, options.seed, tsne=options.tsne)
    # cuBLAS reads this on first use; without it, the order of additions may vary.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    from analysis.clustering.training.training import train_run
    from analysis.engine.memory import is_out_of_memory

    # If a device lacks a deterministic algorithm for a step, training works but is not repeatable.
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
    """Passes on reports at a readable rate, always including the last."""

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
