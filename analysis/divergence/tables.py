"""Tables of one divergence, for the view and the ``diverge`` command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from analysis.divergence.request import SIDES
from analysis.divergence.result import Divergence
from analysis.table import Cell, Table, shortest

TOKEN_COLUMNS = (
    "position",
    "token",
    "log_p_base",
    "log_p_tuned",
    "gain",
    "kl",
    "parted",
    "base_choice",
    "base_choice_p",
    "tuned_choice",
    "tuned_choice_p",
)
ALTERNATIVE_COLUMNS = ("position", "token", "choice_of", "rank", "choice", "p_base", "p_tuned")

END = "(end)"
"""What tables call the place behind the response."""


def tokens_table(found: Divergence) -> Table:
    """A row for every place of the response, from 0.

    Returns:
        `TOKEN_COLUMNS`; `gain` is log p by tuned minus that by base and `kl` KL(tuned ‖ base), in
        nats; `parted` says whether the first choices differ.
    """
    return Table(TOKEN_COLUMNS, [_row(found, place) for place in range(found.places)])


def _row(found: Divergence, place: int) -> tuple[Cell, ...]:
    base, tuned = found.choice(0, place), found.choice(1, place)
    return (
        place,
        _named(found, place),
        *(shortest(value) for value in found.log_p[:, place]),
        shortest(found.gain[place]),
        shortest(found.kl[place]),
        bool(found.parted[place]),
        *base[1:],
        *tuned[1:],
    )


def alternatives_table(found: Divergence) -> Table:
    """A row for each of the tokens that either model prefers at a place, best first.

    Returns:
        `ALTERNATIVE_COLUMNS`; `choice_of` is base or tuned, and ranks count from 0.
    """
    return Table(ALTERNATIVE_COLUMNS, list(_alternatives(found)))


def _alternatives(found: Divergence) -> Iterator[tuple[Cell, ...]]:
    for place in range(found.places):
        for side, name in enumerate(SIDES):
            for rank, token in enumerate(found.choices[side, place]):
                probabilities = np.exp(found.choice_log_p[side, :, place, rank])
                yield (
                    place,
                    _named(found, place),
                    name,
                    rank,
                    found.texts[str(token)],
                    *map(float, probabilities),
                )


def as_json(found: Divergence) -> bytes:
    """Everything that is known of a divergence, as indented JSON."""
    record: dict[str, Any] = {
        "base": found.base,
        "tuned": found.tuned,
        "prompt": found.prompt,
        "response": found.response,
        "response_by": found.writer,
        "ended": found.ended,
        "first_divergence": found.first,
        "device": found.device,
        "dtype": found.dtype,
        "seconds": round(found.seconds, 3),
        "notes": found.notes,
        "places": [_record(found, place) for place in range(found.places)],
    }
    return msgspec.json.format(msgspec.json.encode(record)) + b"\n"


def _record(found: Divergence, place: int) -> dict[str, Any]:
    columns = TOKEN_COLUMNS[:7]
    record: dict[str, Any] = dict(zip(columns, _row(found, place), strict=False))
    record["id"] = None if found.token(place) is None else found.response_tokens.ids[place]
    for side, name in enumerate(SIDES):
        record[f"choices_of_{name}"] = [
            {
                "id": int(token),
                "text": found.texts[str(token)],
                "log_p_base": shortest(found.choice_log_p[side, 0, place, rank]),
                "log_p_tuned": shortest(found.choice_log_p[side, 1, place, rank]),
            }
            for rank, token in enumerate(found.choices[side, place])
        ]
    return record


def _named(found: Divergence, place: int) -> str:
    token = found.token(place)
    return END if token is None else token
