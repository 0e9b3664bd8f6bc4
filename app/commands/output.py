"""What a command prints, and where its rows go: a CSV file or standard output."""

from __future__ import annotations

import io
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from analysis.files.writing import check_file, check_folder, reason, whole_file
from analysis.problems import ProblemError, problem
from analysis.table import Cell, Table
from app.frame.export import save_csv, write_csv
from app.terminal.text import prose

_WIDEST = 1 << 12


def say(*notes: str) -> None:
    """Print notes on standard error, made harmless, one per line."""
    for note in notes:
        print(f"insttui: {prose(note)}", file=sys.stderr)


def check_outputs(options: Namespace) -> None:
    """Check, before anything is computed, that a command's output can be written.

    ``csv`` and ``json`` name files, ``out`` and ``output`` folders. Raises ProblemError,
    ``storage``.
    """
    for name in ("csv", "json"):
        file: str | None = getattr(options, name, None)
        if file and file != "-":
            try:
                check_file(Path(file))
            except OSError as error:
                raise _unwritable(file, error, f"Name another file with --{name}.") from None
    for name in ("out", "output"):
        folder: str | None = getattr(options, name, None)
        if folder:
            try:
                check_folder(Path(folder).expanduser().absolute())
            except OSError as error:
                raise _unwritable(folder, error, f"Name another folder with --{name}.") from None


def _unwritable(what: str, error: OSError, remedy: str) -> ProblemError:
    return problem("storage", f"{what} cannot be written.", f"{reason(error)}.", remedy)


def write_json(data: bytes, destination: str) -> None:
    """Write UTF-8 JSON to a file, or standard output for ``-``; raises ProblemError if it fails."""
    try:
        if destination == "-":
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        else:
            with whole_file(Path(destination)) as file:
                file.write(data.decode())
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "Standard output" if destination == "-" else destination
        raise _unwritable(where, error, "Name another file with --json.") from error


def write_rows(table: Table, destination: str) -> None:
    """Write a table as CSV to a file, or to standard output for ``-``.

    Values are exact, except that text on a terminal is made harmless.

    Raises:
        ProblemError: The file or standard output cannot be written.
    """
    try:
        if destination == "-":
            _print_rows(table)
        else:
            save_csv(table, Path(destination))
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "Standard output" if destination == "-" else destination
        raise problem(
            "storage",
            f"{where} cannot be written.",
            f"{error.strerror}." if error.strerror else "",
            "Name another file with --csv.",
        ) from error


def _print_rows(table: Table) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The same bytes in every locale.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    try:
        write_csv(_readable(table) if sys.stdout.isatty() else table, sys.stdout)
        sys.stdout.flush()
    except OSError:
        # The buffered rest has nowhere to go; the interpreter would try to write it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _readable(table: Table) -> Table:
    """The same rows without control characters."""
    return Table(table.columns, _ReadableRows(table))


@dataclass(frozen=True)
class _ReadableRows:
    table: Table

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        for row in self.table:
            yield tuple(prose(cell) if isinstance(cell, str) else cell for cell in row)


def show(title: str, table: Table) -> None:
    """Print a table for a reader, with its title; numbers are right-aligned."""
    # Imported here: CSV output does not need it.
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(title=Text(prose(title)), title_justify="left", box=None, pad_edge=False)
    rows = [[Text(_text(cell)) for cell in row] for row in table]
    kinds = [
        next((cell for cell in column if cell is not None), "")
        for column in zip(*table, strict=True)
    ]
    for index, column in enumerate(table.columns):
        numeric = index < len(kinds) and isinstance(kinds[index], int | float)
        justify: Literal["right", "left"] = "right" if numeric else "left"
        drawn.add_column(Text(column), justify=justify, no_wrap=True)
    for row in rows:
        drawn.add_row(*row)
    # Rows wider than the terminal wrap instead of being cut, so that grep finds them whole.
    natural = Console(width=_WIDEST).measure(drawn).maximum
    Console(width=natural, soft_wrap=True).print(drawn)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else prose(str(cell))
