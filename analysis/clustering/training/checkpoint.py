"""Checkpoints of a run: weights, optimiser and schedule after an epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from analysis.clustering.training.run_folder import CHECKPOINT_NAME, replacing
from analysis.problems import problem


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint of a run.

    Raises:
        OSError: It cannot be written.
    """
    with replacing(folder / CHECKPOINT_NAME) as stream:
        torch.save(state, stream)


def load_checkpoint(folder: Path, device: torch.device) -> dict[str, Any] | None:
    """The checkpoint of a run; None if there is none yet.

    Raises:
        ProblemError: ``storage`` if it cannot be read.
    """
    path = folder / CHECKPOINT_NAME
    if not path.exists():
        return None
    try:
        # Only tensors and plain values: no code in the file is run.
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch, zipfile and pickle each have their own
        raise problem(
            "storage",
            f"{path} cannot be read.",
            f"{type(error).__name__}: {error}".partition("\n")[0],
            "Remove it to train from the beginning.",
        ) from None
    return state
