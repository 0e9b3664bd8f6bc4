"""A table: what a view lists, what a CSV holds and what a headless command writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    """Named columns over rows of plain values.

    Attributes:
        columns: Column names, the ones that exports use.
        rows: One tuple a row, as long as `columns`; None is an empty cell. Any iterable that can
            be walked more than once, so that large tables need not exist in memory.
    """

    columns: tuple[str, ...]
    rows: Iterable[tuple[Cell, ...]]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        """The rows, top to bottom."""
        return iter(self.rows)
