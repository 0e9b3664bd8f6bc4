"""Tables to CSV and text to files, under names that no prompt can abuse."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from analysis.table import Cell, Table


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


def chained(tables: Sequence[Table]) -> Table:
    """Tables with the same columns, one below the other, without copying their rows."""
    return Table(tables[0].columns, _Rows(tuple(tables)))


@dataclass(frozen=True)
class _Rows:
    tables: tuple[Table, ...]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        """The rows of the tables, one table after the other."""
        return itertools.chain.from_iterable(self.tables)


def save_csv(table: Table, path: Path) -> None:
    """Write a table to a new or existing file, UTF-8.

    Raises:
        OSError: The file cannot be written.
    """
    # backslashreplace: half a surrogate pair has no UTF-8; nothing else is touched.
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        write_csv(table, stream)


def free_path(folder: Path, stem: str, suffix: str) -> Path:
    """A path in `folder` that does not exist yet: ``stem.csv``, else ``stem-2.csv`` and so on.

    Args:
        folder: Where.
        stem: Any text: letters, digits, dots, dashes and underscores are kept, the rest becomes
            dashes, at most 80 characters.
        suffix: With the dot.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.")[:80].rstrip("-.") or "insttui"
    path = folder / f"{safe}{suffix}"
    number = 2
    while path.exists():
        path = folder / f"{safe}-{number}{suffix}"
        number += 1
    return path


def save_text(text: str, path: Path) -> None:
    """Write text, UTF-8, line ends as they are.

    Raises:
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        stream.write(text)
