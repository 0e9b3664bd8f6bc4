"""Messages of the training process, one JSON object per line."""

from __future__ import annotations

import msgspec

from analysis.problems import Problem


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far a run has got.

    Attributes:
        epoch, epochs: The current epoch, from 1, and the number of epochs.
        step, steps: The current step and the number of steps in the whole run.
        loss: Mean cross-entropy in nats over this epoch's steps so far.
        accuracy: On unseen instructions, at the last measurement.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The run ended before its last epoch."""

    problem: Problem


Message = Progress | Failed
