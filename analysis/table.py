"""A table of plain values for views, CSV files and headless commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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
