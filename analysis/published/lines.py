"""The published tables: lines of cells between tabs, below a line of names, none of them quoted.

A row is used whole or not at all. What their own scripts pass over with a printed line (a row with
another number of cells) is a problem here, unless such lines are to be skipped; then they are
counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from analysis.files.json_lines import broken
from analysis.files.text import wide_encoding, without_mark
from analysis.problems import problem

_POINTER = b"version https://git-lfs"
_SKIP = "Fetch the file again, or leave such lines out with --bad-lines skip."
_MOST_NOTED = 3

Row = dict[str, str]


class BadLineError(Exception):
    """Why a row cannot be used."""


@dataclass
class PublishedTable:
    """One table, whose file may be in pieces.

    Attributes:
        name: What problems call it.
        pieces: Its file, or the files that it was cut into, in order.
        columns: Its first line, exactly.
        skip: Leave lines out that cannot be used, instead of refusing the table.
        skipped: Why lines were left out, filled while it is read.
    """

    name: str
    pieces: tuple[Path, ...]
    columns: tuple[str, ...]
    skip: bool = False
    skipped: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return sum(each.stat().st_size for each in self.pieces)

    def rows(self) -> Iterator[tuple[int, Row]]:
        """(line number, cells by column) of every row; a first line that returns is passed over.

        Raises:
            ProblemError: ``storage``, naming the line: another header, another number of cells,
                bytes that are not UTF-8, an end in the middle of a line.
        """
        number = 0
        for number, line, whole in self._lines():
            if number == 1:
                self._check_header(line)
                continue
            if not line:
                continue
            try:
                if not whole:
                    raise BadLineError("The file ends in the middle of it.")
                cells = _text(line).split("\t")
                if tuple(cells) == self.columns:
                    continue
                if len(cells) != len(self.columns):
                    raise BadLineError(f"It has {len(cells)} cells, not {len(self.columns)}.")
            except BadLineError as error:
                self.bad(number, str(error))
            else:
                yield number, dict(zip(self.columns, cells, strict=True))
        if number == 0:
            raise broken(self.name, None, "It is empty.")

    def bad(self, number: int, why: str) -> None:
        """Note a line that cannot be used, or raise ProblemError, ``storage``, with its number."""
        if not self.skip:
            raise broken(self.name, number, why, _SKIP)
        self.skipped.append(f"line {number}: {why}")

    def notes(self) -> tuple[str, ...]:
        """How many lines were left out, and why the first ones."""
        if not self.skipped:
            return ()
        shown = " ".join(self.skipped[:_MOST_NOTED])
        return (f"Lines of {self.name} left out: {len(self.skipped):,}, the first ones: {shown}",)

    def _lines(self) -> Iterator[tuple[int, bytes, bool]]:
        """(number, content, whether its end is there) of every line of the joined pieces."""
        number, begun = 0, b""
        for piece in self.pieces:
            try:
                with piece.open("rb") as file:
                    for line in file:
                        if not line.endswith(b"\n"):
                            begun += line
                            continue
                        number += 1
                        yield number, (begun + line)[:-1].removesuffix(b"\r"), True
                        begun = b""
            except OSError as error:
                raise problem("storage", f"{piece} cannot be read.", f"{error.strerror}.") from None
        if begun:
            yield number + 1, begun, False

    def _check_header(self, line: bytes) -> None:
        if line.startswith(_POINTER):
            raise broken(
                self.name,
                1,
                "It is a pointer of Git LFS to the file, and not the file.",
                "Fetch the file itself with git lfs pull.",
            )
        if encoding := wide_encoding(line):
            raise broken(self.name, None, f"It is {encoding}, and should be UTF-8.")
        try:
            found = tuple(_text(without_mark(line)).split("\t"))
        except BadLineError as error:
            raise broken(self.name, 1, str(error)) from None
        if found != self.columns:
            raise broken(
                self.name,
                1,
                f"It names the columns {', '.join(found)[:200]}; "
                f"the published ones are {', '.join(self.columns)}.",
                "Only the published format is read.",
            )


def whole_number(row: Row, column: str) -> int:
    """A count from 0; raises BadLineError for anything else."""
    text = row[column]
    if not (text.isascii() and text.isdecimal()):
        raise BadLineError(f"Its {column} is {text[:40]!r}, and no whole number.")
    return int(text)


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        byte = f"0x{error.object[error.start]:02x}"
        raise BadLineError(f"Byte {error.start + 1} of it, {byte}, is not UTF-8.") from None
