"""Tables as Parquet: the same rows as the CSV, in columns of one type each.

pyarrow, which writes them, is the extra ``insttui[parquet]``.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from analysis.files.writing import whole_bytes
from analysis.problems import problem
from analysis.table import Cell, Table

ROWS_AT_ONCE = 1 << 15
"""Rows of a row group: so many are in memory."""

_SAFE = 1 << 53
_WIDEST = 1 << 63


def require_parquet() -> None:
    """Raise ProblemError, ``input``, if what writes Parquet is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise problem(
            "input",
            "Parquet cannot be written.",
            f"{error}.",
            "Install what that needs: pip install 'insttui[parquet]'.",
        ) from None


def save_parquet(table: Table, path: Path) -> None:
    """Write a table to a new file or in place of one, which stays until all rows are there.

    A column is boolean, int64, double or text, the narrowest that holds its cells exactly: a column
    of numbers and texts is text, as in the CSV. A missing cell is null; NaN is NaN. The rows are
    gone through twice, for the types and for the values.

    Args:
        table: What to write; no two of its columns may have the same name.
        path: The file.

    Raises:
        OSError: The file cannot be written.
        ProblemError: ``input`` if pyarrow is not installed.
    """
    require_parquet()
    import pyarrow
    import pyarrow.parquet

    if len(set(table.columns)) < len(table.columns):
        raise ValueError(f"two columns have the same name: {table.columns}")
    kinds = _kinds(table)
    types = {
        "bool": pyarrow.bool_(),
        "int": pyarrow.int64(),
        "float": pyarrow.float64(),
        "text": pyarrow.string(),
        "": pyarrow.null(),
    }
    columns = zip(table.columns, kinds, strict=True)
    schema = pyarrow.schema([(name, types[kind]) for name, kind in columns])
    rows: Iterator[tuple[Cell, ...]] = iter(table)
    with (
        whole_bytes(path) as stream,
        pyarrow.parquet.ParquetWriter(stream, schema, compression="zstd") as writer,
    ):
        while group := list(islice(rows, ROWS_AT_ONCE)):
            cells = zip(*group, strict=True)
            arrays = [
                # from_pandas would make NaN a missing value.
                pyarrow.array(
                    [_value(each, kind) for each in column], field.type, from_pandas=False
                )
                for column, kind, field in zip(cells, kinds, schema, strict=True)
            ]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))


def _kinds(table: Table) -> list[str]:
    """The kind of each column: bool, int, float, text, or "" where nothing is known."""
    found: list[set[str]] = [set() for _ in table.columns]
    for row in table:
        for kinds, cell in zip(found, row, strict=True):
            if cell is not None:
                kinds.add(_kind(cell))
    return [_together(kinds) for kinds in found]


def _kind(cell: Any) -> str:
    if isinstance(cell, bool):
        return "bool"
    if isinstance(cell, numbers.Integral):
        size = abs(int(cell))
        # Past 2^53 a double would change it, past 2^63 a whole number too.
        return "int" if size <= _SAFE else "long" if size < _WIDEST else "text"
    return "float" if isinstance(cell, numbers.Real) else "text"


def _together(kinds: set[str]) -> str:
    """The kind that holds cells of all of these."""
    if kinds <= {"int", "long"}:
        return "int" if kinds else ""
    if len(kinds) == 1:
        return next(iter(kinds))
    return "float" if kinds == {"int", "float"} else "text"


def _value(cell: Any, kind: str) -> Any:
    if cell is None:
        return None
    if kind == "text":
        # A lone surrogate becomes its name, as in the CSV.
        return str(cell).encode("utf-8", "backslashreplace").decode()
    return {"bool": bool, "int": int, "float": float}[kind](cell)
