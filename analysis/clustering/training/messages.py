"""Messages of the training process, one JSON object per line."""

from __future__ import annotations

import msgspec

from analysis.problems import Problem


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far a run has got: epoch, from 1, and step of all epochs and steps.

    `loss` is the mean cross-entropy in nats over this epoch's steps so far; `accuracy` is on unseen
    instructions, at the last measurement.
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
