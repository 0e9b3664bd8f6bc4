"""Reads the lines of a prompt file, JSON lines or a table, with their line numbers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from analysis.problems import problem

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
"""Cell separators of tables by file extension."""

JSON_LINES = (".jsonl", ".ndjson")
"""File extensions of JSON lines."""


@dataclass(frozen=True)
class Columns:
    """The names of a file's columns, or of the keys of its JSON objects.

    Attributes:
        prompt: The text; the only required column.
        id: A name for the prompt; by default its line number.
        instruction: The parts of the prompt that are instructions, verbatim: one text or a JSON
            list of texts. If missing, they are guessed.
        dataset: The collection the prompt comes from; by default the file's name.
        rating: A number; 0 and empty mean unrated.
        reference: The dataset's answer.
    """

    prompt: str = "prompt"
    id: str = "id"
    instruction: str = "instruction_spans"
    dataset: str = "dataset"
    rating: str = "rating"
    reference: str = "reference"

    def chosen(self) -> tuple[str, ...]:
        """The columns that a file must have: the prompt's and any renamed ones."""
        renamed = (
            getattr(self, each.name)
            for each in fields(self)
            if getattr(self, each.name) != each.default
        )
        return tuple(dict.fromkeys((self.prompt, *renamed)))


class UnusableLineError(Exception):
    """Why a line cannot be used."""


Entry = Mapping[str, object] | UnusableLineError


def entries_of(text: str, path: Path, columns: Columns) -> Iterator[tuple[int, Entry]]:
    """The entries of a file, whose format follows from its extension.

    Args:
        text: The file's content.
        path: Its path.
        columns: Required ones are checked.

    Yields:
        (number of its first line, its content by column or why it cannot be used).

    Raises:
        ProblemError: ``input``: the extension is unknown, or a column is missing.
    """
    ending = path.suffix.lower()
    if ending in DELIMITERS:
        return _table_entries(text, DELIMITERS[ending], path, columns)
    if ending in JSON_LINES:
        return _json_entries(text, path, columns)
    raise problem(
        "input",
        f"{path} is no prompt set.",
        "The file extension determines the format.",
        f"Name a file that ends in {', '.join((*JSON_LINES, *DELIMITERS))}.",
    )


def _table_entries(
    text: str, delimiter: str, path: Path, columns: Columns
) -> Iterator[tuple[int, Entry]]:
    """(line number, cells by column) of the rows of a table."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if not header:
                raise problem(
                    "input", f"The first line of {path} is unusable.", f"{error}."
                ) from None
            yield number, UnusableLineError(f"{error}")
            continue
        if not any(cell.strip() for cell in row):
            continue
        if not header:
            header = [name.strip() for name in row]
            _check_columns(path, columns.chosen(), header)
        elif len(row) != len(header):
            yield (
                number,
                UnusableLineError(f"it has {len(row)} columns, the first line {len(header)}"),
            )
        else:
            yield number, dict(zip(header, row, strict=True))


def _json_entries(text: str, path: Path, columns: Columns) -> Iterator[tuple[int, Entry]]:
    """(line number, object) of the lines of a JSON-lines file."""
    seen: dict[str, None] = {}
    # Not splitlines: JSON strings may contain Unicode's other line ends.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, UnusableLineError(f"it is no JSON: {error}")
            continue
        if not isinstance(entry, dict):
            yield number, UnusableLineError("it is no JSON object")
            continue
        seen.update(dict.fromkeys(entry))
        yield number, entry
    if seen:
        _check_columns(path, columns.chosen(), list(seen))


def _check_columns(path: Path, wanted: tuple[str, ...], present: list[str]) -> None:
    missing = [name for name in wanted if name not in present]
    if missing:
        raise problem(
            "input",
            f"{path} has no column {' and no column '.join(map(repr, missing))}.",
            f"It has {', '.join(map(repr, present))}.",
            "Say which is which, for example --columns prompt=NAME,dataset=NAME.",
        )
