"""Computes rows of the map in batches that shrink when memory or time runs out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from analysis.engine.memory import Attempt, release
from analysis.saliency.compute.pieces import Piece, Pieces


def in_batches(
    ends: Sequence[int],
    batch: int,
    device: torch.device,
    compute: Callable[[int, int], Tensor],
    *,
    start: int = 0,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Pieces:
    """Yield pieces of whole rows, ``compute(start, stop)`` for each batch.

    After an out-of-memory error the batch is halved; at one row the error passes through.

    Args:
        ends: Rows that no batch crosses, in ascending order; the last is their number.
        batch: Most rows in a batch.
        device: Where memory may run out.
        compute: Gives the values of rows, [stop - start, M].
        start: The first row to compute.
        seconds: Time limit of a batch, since work can only be stopped between batches: the first
            has one row, later ones as many as fit at the last one's speed. None for no limit.
        clock: Gives the time in seconds.
    """
    asked = batch
    in_time = batch if seconds is None else 1
    for end in ends:
        while start < end:
            stop = min(start + min(batch, in_time), end)
            began = clock()
            with Attempt(final=stop - start == 1) as attempt:
                values = compute(start, stop)
            if attempt.failed:
                release(device)
                batch = (stop - start) // 2
                continue
            if seconds is not None:
                took = max(clock() - began, 1e-9)
                in_time = max(1, int(min(batch, (stop - start) * seconds / took)))
            yield Piece(slice(start, stop), slice(0, values.shape[1]), values)
            start = stop
    if batch == asked:
        return ""
    return f"Memory ran out: it went on with {batch} prompt tokens at a time in place of {asked}."
