"""What a command prints, and where its rows go: CSV, JSON and Parquet, files or standard output."""

from __future__ import annotations

import io
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from analysis.files.writing import check_file, check_folder, reason, whole_file
from analysis.parquet import require_parquet, save_parquet
from analysis.problems import ProblemError, problem
from analysis.table import Cell, Table, write_csv
from analysis.table import write_json as write_json_rows
from app.terminal.text import prose

_WIDEST = 1 << 12
_FORMS: dict[str, Callable[[Table, TextIO], None]] = {"csv": write_csv, "json": write_json_rows}


def say(*notes: str) -> None:
    """Print notes on standard error, made harmless, one per line."""
    for note in notes:
        print(f"insttui: {prose(note)}", file=sys.stderr)


def check_outputs(options: Namespace) -> None:
    """Check, before anything is computed, that a command's output can be written.

    ``csv``, ``json`` and ``parquet`` name files, ``out`` and ``output`` folders. Raises
    ProblemError, ``storage``, or ``input`` for Parquet without what writes it.
    """
    if getattr(options, "parquet", None):
        require_parquet()
    for name in ("csv", "json", "parquet"):
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


def write_table(
    table: Table, options: Namespace, document: Callable[[], bytes] | None = None
) -> None:
    """Write a table as ``--csv``, ``--json`` and ``--parquet`` say.

    The latter two replace CSV unless that names a file.

    Args:
        table: What to write.
        options: What `options.add_output` added.
        document: Makes the JSON of all that is known, in UTF-8, where there is more than rows.

    Raises:
        ProblemError: A file or standard output cannot be written.
    """
    if options.json and document is not None:
        write_json(document(), options.json)
    elif options.json:
        write_rows(table, options.json, "json")
    parquet = parquet_file(options)
    if parquet:
        write_parquet(table, parquet)
    if options.csv and (options.csv != "-" or not (options.json or parquet)):
        write_rows(table, options.csv)


def parquet_file(options: Namespace) -> str:
    """The file that ``--parquet`` names; "" for none."""
    named: str | None = getattr(options, "parquet", None)
    return named if named and named != "-" else ""


def asks_rows(options: Namespace) -> bool:
    """Whether a command is to write rows in place of what it prints otherwise."""
    return bool(options.csv or options.json or parquet_file(options))


def write_parquet(table: Table, destination: str) -> None:
    """Write a table as Parquet to a file; raises ProblemError if it cannot be written."""
    try:
        save_parquet(table, Path(destination))
    except OSError as error:
        raise _unwritable(destination, error, "Name another file with --parquet.") from error


def write_rows(table: Table, destination: str, form: str = "csv") -> None:
    """Write a table as CSV or JSON to a file, or to standard output for ``-``.

    Values are exact, except that text on a terminal is made harmless.

    Args:
        table: What to write.
        destination: The file.
        form: A name in `_FORMS`, which is also that of the option that names the file.

    Raises:
        ProblemError: The file or standard output cannot be written.
    """
    write = _FORMS[form]
    try:
        if destination == "-":
            _print_rows(table, write)
        else:
            with whole_file(Path(destination)) as stream:
                write(table, stream)
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "Standard output" if destination == "-" else destination
        raise problem(
            "storage",
            f"{where} cannot be written.",
            f"{error.strerror}." if error.strerror else "",
            f"Name another file with --{form}.",
        ) from error


def _print_rows(table: Table, write: Callable[[Table, TextIO], None]) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The same bytes in every locale.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    try:
        write(_readable(table) if sys.stdout.isatty() else table, sys.stdout)
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
