"""Tables of the prompts on which a neuron or a head is most active."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from analysis.activity.result import Activity
from analysis.table import Cell, Table

COLUMNS = ("model", "rank", "id", "value", "position", "token", "prompt")
HEAD_COLUMNS = (*COLUMNS[:-1], "attended_position", "attended_token", "prompt")
BESIDE_COLUMNS = ("id", "value_base", "token_base", "value_tuned", "token_tuned", "prompt")


@dataclass(frozen=True)
class Prompts:
    """The prompts of a set, in order, and what they are called there."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]


def activity_table(found: Sequence[Activity], asked: Prompts, *, head: bool) -> Table:
    """A row for every prompt that is kept, model by model; `head` adds what is attended to.

    `value` is a neuron's signed activation, or a head's attention weight.
    """
    rows = [row for each in found for row in _rows(each, asked, head=head)]
    return Table(HEAD_COLUMNS if head else COLUMNS, rows)


def beside_table(base: Activity, tuned: Activity, asked: Prompts) -> Table:
    """A row for every prompt that either model keeps, tuned beside base: `BESIDE_COLUMNS`.

    Those of the largest |value| in either model come first.
    """
    sides = [{each.index: each for each in found.top} for found in (base, tuned)]
    kept = sorted(sides[0].keys() | sides[1].keys())
    kept.sort(key=lambda n: -max(abs(side[n].value) for side in sides if n in side))
    rows = []
    for index in kept:
        cells: list[Cell] = [asked.ids[index]]
        for side in sides:
            each = side.get(index)
            cells += (None, None) if each is None else (each.value, each.token)
        rows.append((*cells, asked.texts[index]))
    return Table(BESIDE_COLUMNS, rows)


def as_json(found: Sequence[Activity], asked: Prompts, *, head: bool) -> bytes:
    """All that is known, a record for each model, as indented JSON."""
    columns = HEAD_COLUMNS if head else COLUMNS
    records = [
        {
            "model": each.model,
            "prompts": each.prompts,
            "read": each.read,
            "device": each.device,
            "dtype": each.dtype,
            "seconds": round(each.seconds, 3),
            "notes": each.notes,
            "top": [
                dict(zip(columns[1:], row[1:], strict=True))
                for row in _rows(each, asked, head=head)
            ],
        }
        for each in found
    ]
    return msgspec.json.format(msgspec.json.encode(records)) + b"\n"


def _rows(found: Activity, asked: Prompts, *, head: bool) -> Iterator[tuple[Cell, ...]]:
    for rank, each in enumerate(found.top, start=1):
        attended = (each.attended, each.attended_token) if head else ()
        place = (found.model, rank, asked.ids[each.index], each.value, each.position, each.token)
        yield *place, *attended, asked.texts[each.index]
