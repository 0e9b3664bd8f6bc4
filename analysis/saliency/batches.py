"""Rows of the map in batches that shrink when memory runs out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from analysis.models.memory import is_out_of_memory, release
from analysis.saliency.pieces import Piece, Pieces


def in_batches(
    rows: int, batch: int, device: torch.device, compute: Callable[[int, int], Tensor]
) -> Pieces:
    """Pieces of whole rows, ``compute(start, stop)`` for batch after batch.

    After an out-of-memory error the batch is halved; at one row the error passes through.
    """
    start, asked = 0, batch
    while start < rows:
        stop = min(start + batch, rows)
        values = _unless_out_of_memory(compute, start, stop, batch)
        if values is None:
            # Only here, outside the handler, is what was half computed no longer referred to.
            release(device)
            batch //= 2
            continue
        yield Piece(slice(start, stop), slice(0, values.shape[1]), values)
        start = stop
    if batch == asked:
        return ""
    return f"Memory ran out: it went on with batches of {batch} in place of {asked}."


def _unless_out_of_memory(
    compute: Callable[[int, int], Tensor], start: int, stop: int, batch: int
) -> Tensor | None:
    try:
        return compute(start, stop)
    except Exception as error:
        if batch == 1 or not is_out_of_memory(error):
            raise
    return None
