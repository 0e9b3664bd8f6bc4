"""Tables to CSV and text to files, under safe file names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.files.writing import whole_file
from analysis.table import Cell, Table, save_csv, write_csv

__all__ = ["Tables", "chained", "free_path", "save_csv", "save_table", "save_text", "write_csv"]

Tables = dict[str, Callable[[], Table]]
"""The kind of each table that is exported at once, and what builds it."""


def chained(tables: Sequence[Table]) -> Table:
    """Tables with the same columns, concatenated without copying their rows."""
    return Table(tables[0].columns, _Rows(tuple(tables)))


@dataclass(frozen=True)
class _Rows:
    tables: tuple[Table, ...]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        return itertools.chain.from_iterable(self.tables)


def free_path(folder: Path, stem: str, suffix: str) -> Path:
    """A path in `folder` that does not exist yet: ``stem.csv``, else ``stem-2.csv`` and so on.

    Runs of characters in `stem` other than letters, digits, dots, dashes and underscores become
    dashes; at most 80 characters are kept. `suffix` includes the dot.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.")[:80].rstrip("-.") or "insttui"
    path = folder / f"{safe}{suffix}"
    number = 2
    while path.exists():
        path = folder / f"{safe}-{number}{suffix}"
        number += 1
    return path


def save_table(table: Table, kind: str, names: tuple[str, ...], folder: Path) -> Path:
    """Write a table to a new CSV file named after `kind` and `names`, and return its path.

    Raises OSError if it cannot be written.
    """
    path = free_path(folder, "-".join([kind, *names]), ".csv")
    save_csv(table, path)
    return path


def save_text(text: str, path: Path) -> None:
    """Write text as UTF-8, keeping its line ends; raises OSError if it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as stream:
        stream.write(text)


def save_picture(svg: str, stem: str) -> tuple[str, str]:
    """Save a picture to a new file here: what to say of it, and how severe that is."""
    path = free_path(Path.cwd(), stem, ".svg")
    try:
        save_text(svg, path)
    except OSError as error:
        return f"The screen could not be saved: {error}", "error"
    return f"Saved {path}", "information"
