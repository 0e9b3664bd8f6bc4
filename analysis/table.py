"""A table of plain values for views, CSV files and headless commands."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import SupportsFloat, TextIO

from analysis.files.writing import whole_file

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    """Named columns over rows of plain values.

    Attributes:
        columns: Column names, as exported.
        rows: One tuple per row, as long as `columns`; None is an empty cell. Any re-iterable, so
            that large tables need not exist in memory.
    """

    columns: tuple[str, ...]
    rows: Iterable[tuple[Cell, ...]]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        return iter(self.rows)


def shortest(value: SupportsFloat) -> float | None:
    """A float32 as the number with the fewest digits that give it back; None for no number.

    NaN and infinity are none: neither CSV nor JSON has them.
    """
    return float(str(value)) if math.isfinite(value) else None


_DIGITS = re.compile(r"\d+")
_LONGEST_NUMBER = 12


def name_key(name: str) -> str:
    """What a name is sorted by: its letters whatever their case, and numbers in it as numbers."""
    return _DIGITS.sub(_padded, name.casefold())


def _padded(digits: re.Match[str]) -> str:
    return digits[0].zfill(_LONGEST_NUMBER)


def write_csv(table: Table, stream: TextIO) -> None:
    r"""Write a table as CSV (RFC 4180 quoting, ``\n`` between rows), numbers unquoted.

    Args:
        table: What to write; None becomes an empty cell.
        stream: Text stream opened with ``newline=""``.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table:
        if any(type(cell) is str and "\r" in cell for cell in row):
            # csv quotes a lone carriage return only where it is part of the line end.
            csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerow(
                ["" if cell is None else cell for cell in row]
            )
        else:
            writer.writerow(row)


def write_json(table: Table, stream: TextIO) -> None:
    """Write a table as a JSON list with an object a row: the columns' names and the exact values.

    An empty cell is ``null``, and so is a number that is not finite, which JSON cannot say.

    Args:
        table: What to write; no two of its columns may have the same name.
        stream: Text stream; an ``errors`` of ``backslashreplace`` makes lone surrogates valid JSON.
    """
    if len(set(table.columns)) < len(table.columns):
        raise ValueError(f"two columns have the same name: {table.columns}")
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    before = "["
    for row in table:
        finite = (None if type(cell) is float and not math.isfinite(cell) else cell for cell in row)
        stream.write(f"{before}\n{encode(dict(zip(table.columns, finite, strict=True)))}")
        before = ","
    stream.write("[]\n" if before == "[" else "\n]\n")


def save_csv(table: Table, path: Path) -> None:
    """Write a table to a new file or in place of one, which stays until all rows are there.

    Raises:
        OSError: The file cannot be written; see `analysis.files.writing.whole_file`.
    """
    with whole_file(path) as stream:
        write_csv(table, stream)
