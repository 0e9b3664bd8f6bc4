"""Tables of the prompts on which a neuron or a head is most active."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from analysis.activity.result import Activity
from analysis.table import Cell, Table

if TYPE_CHECKING:
    from analysis.neurons.instructions import InstructionSet

COLUMNS = ("model", "rank", "id", "value", "position", "token", "prompt")
HEAD_COLUMNS = (*COLUMNS[:-1], "attended_position", "attended_token", "prompt")


@dataclass(frozen=True)
class Prompts:
    """The prompts of a set, in order, and what they are called there."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]

    @classmethod
    def of(cls, instructions: InstructionSet) -> Prompts:
        """A set of instructions as prompts."""
        given = instructions.instructions
        return cls(tuple(each.id for each in given), tuple(each.prompt for each in given))


def activity_table(found: Sequence[Activity], asked: Prompts, *, head: bool) -> Table:
    """A row for every prompt that is kept, model by model; `head` adds what is attended to.

    `value` is a neuron's signed activation, or a head's attention weight.
    """
    rows = [row for each in found for row in _rows(each, asked, head=head)]
    return Table(HEAD_COLUMNS if head else COLUMNS, rows)


def beside_table(base: Activity, tuned: Activity, asked: Prompts, *, head: bool) -> Table:
    """A row for every prompt that either model keeps, tuned beside base.

    Those of the largest |value| in either model come first. Columns are the prompt's id, `value`,
    `token` and for a head `attended` of base and of tuned model, and the prompt.
    """
    names = ("value", "token", *(("attended",) if head else ()))
    sides = [{each.index: each for each in found.top} for found in (base, tuned)]
    kept = sorted(sides[0].keys() | sides[1].keys())
    kept.sort(key=lambda n: -max(abs(side[n].value) for side in sides if n in side))
    rows = []
    for index in kept:
        cells: list[Cell] = [asked.ids[index]]
        for side in sides:
            each = side.get(index)
            if each is None:
                cells += [None] * len(names)
            else:
                cells += (each.value, each.token, each.attended_token)[: len(names)]
        rows.append((*cells, asked.texts[index]))
    columns = (f"{name}_{side}" for side in ("base", "tuned") for name in names)
    return Table(("id", *columns, "prompt"), rows)


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
