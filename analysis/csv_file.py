"""Writes tables as CSV, for exports, headless commands and reports."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TextIO

from analysis.table import Table
from analysis.writing import whole_file


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
            # csv quotes a lone carriage return only if it is part of the line terminator.
            csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerow(
                ["" if cell is None else cell for cell in row]
            )
        else:
            writer.writerow(row)


def save_csv(table: Table, path: Path) -> None:
    """Write a table to a file; an existing file is replaced only once all rows are written.

    Raises:
        OSError: The file cannot be written; see `analysis.writing.whole_file`.
    """
    with whole_file(path) as stream:
        write_csv(table, stream)
