"""What the process that trains says, one JSON object a line."""

from __future__ import annotations

import msgspec

from analysis.problems import Problem


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """Where a run stands.

    Attributes:
        epoch, epochs: The epoch being learned, from 1, and how many there are.
        step, steps: Of the whole run.
        loss: Mean cross-entropy in nats of this epoch's steps so far.
        accuracy: On unseen instructions, when it was last measured.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The run has ended before its last epoch."""

    problem: Problem


Message = Progress | Failed
