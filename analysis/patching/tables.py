"""Tables of patched runs, for the ``patch`` command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from analysis.patching.result import Patching, Said
from analysis.table import Cell, Table, shortest

COLUMNS = (
    "direction",
    "part",
    "layer",
    "place",
    "base_token",
    "tuned_token",
    "logit_difference",
    "log_p_base_token",
    "log_p_tuned_token",
    "top_token",
    "carried",
)
NONE, ALL = "none", "all"
"""What `place` is of the model as it is, and of one all of whose states are the other's."""


def patching_table(every: Sequence[Patching]) -> Table:
    """A row for every run, direction by direction: the model as it is, then point by point.

    Returns:
        `COLUMNS`; `logit_difference` is the logit of tuned's token minus that of base's, and
        `carried` the share of the way from the receiver's own to the donor's. `layer` counts the
        layers before the point in the stream, from 0 to L; of other parts it is the layer itself,
        from 0 to L - 1. Of the stream the last row, `ALL`, is the donor: its last state with its
        own final norm and head.
    """
    return Table(COLUMNS, [row for found in every for row in _rows(found)])


def place(found: Patching, point: int) -> str:
    """Where a point is, in words."""
    if found.part != "stream":
        return f"layer {point}"
    return f"after layer {point - 1}" if point else "embeddings"


def direction(found: Patching, receiver: int) -> str:
    """Which model runs, 0 base and 1 tuned, and whose states it is given."""
    return "base into tuned" if receiver else "tuned into base"


def as_json(every: Sequence[Patching]) -> bytes:
    """All that is known of some parts, a record each, as indented JSON."""
    return msgspec.json.format(msgspec.json.encode([_record(each) for each in every])) + b"\n"


def _rows(found: Patching) -> Iterator[tuple[Cell, ...]]:
    texts = tuple(found.text(token) for token in found.tokens)
    carried = found.carried
    for receiver in (1, 0):
        start = (direction(found, receiver), found.part)
        yield (*start, None, NONE, *texts, *_said(found, found.alone, receiver), 0.0)
        for point in range(found.points):
            if found.patched.top[receiver, point] < 0:
                # The layer has no such part.
                continue
            numbers = _said(found, found.patched, (receiver, point))
            share = shortest(np.float32(carried[receiver, point]))
            yield (*start, point, place(found, point), *texts, *numbers, share)
        if found.part == "stream":
            donor = _said(found, found.alone, 1 - receiver)
            yield (*start, None, ALL, *texts, *donor, 1.0)


def _said(found: Patching, said: Said, at: int | tuple[int, int]) -> tuple[Cell, ...]:
    return (
        shortest(said.difference[at]),
        *(shortest(each) for each in said.log_p[at]),
        found.text(int(said.top[at])),
    )


def _record(found: Patching) -> dict[str, Any]:
    names = ("base", "tuned")
    return {
        "base": found.base,
        "tuned": found.tuned,
        "prompt": found.prompt,
        "response_before": "".join(found.response_tokens.texts),
        "position": len(found.response_tokens),
        "tokens": {
            name: {"id": token, "text": found.text(token)}
            for name, token in zip(names, found.tokens, strict=True)
        },
        "part": found.part,
        "layers": found.layers,
        "identity": {
            f"into {name}": shortest(value)
            for name, value in zip(names, found.identity, strict=True)
        },
        "cached": {
            f"into {name}": shortest(value) for name, value in zip(names, found.cached, strict=True)
        },
        "device": found.device,
        "dtype": found.dtype,
        "seconds": round(found.seconds, 3),
        "notes": found.notes,
        "runs": [dict(zip(COLUMNS, row, strict=True)) for row in _rows(found)],
    }
