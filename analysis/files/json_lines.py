"""Reads files of JSON lines, and says which line of them is broken."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from analysis.files.text import wide_encoding, without_mark
from analysis.problems import ProblemError, problem

T = TypeVar("T")

_A_LINE, _A_PIECE = 1 << 13, 1 << 20


def entries(path: Path, type_: type[T], belongs: str = "") -> Iterator[tuple[int, int, T]]:
    """(line number, offset, entry) of every line that is not blank.

    Args:
        path: The file.
        type_: What a line holds.
        belongs: What the file is a part of, for the error when it is missing.

    Raises:
        ProblemError: ``storage``, naming the line.
    """
    decoder = msgspec.json.Decoder(type_)
    offset = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if number == 1 and (encoding := wide_encoding(line)):
                    raise broken(path, None, f"It is {encoding}, and should be UTF-8.")
                if not line.isspace():
                    yield number, offset, decoded(decoder, line, path, number)
                offset += len(line)
    except FileNotFoundError:
        raise problem("storage", f"{path} is missing.", belongs) from None
    except OSError as error:
        raise broken(path, None, f"It cannot be read: {error.strerror}.") from None


def entry_at(descriptor: int, path: Path, offset: int, type_: type[T]) -> T:
    """The entry of the line that starts at an offset of an open file; `path` is its name."""
    try:
        line = _line_at(descriptor, offset)
        with suppress(ProblemError):
            return decoded(msgspec.json.Decoder(type_), line, path, 0)
        number, at = 1, 0
        while at < offset:
            before = os.pread(descriptor, min(_A_PIECE, offset - at), at)
            if not before:
                break
            number, at = number + before.count(b"\n"), at + len(before)
    except OSError as error:
        raise broken(path, None, f"It cannot be read: {error.strerror}.") from None
    return decoded(msgspec.json.Decoder(type_), line, path, number)


def _line_at(descriptor: int, offset: int) -> bytes:
    parts: list[bytes] = []
    piece = _A_LINE
    while data := os.pread(descriptor, piece, offset):
        line, end, _ = data.partition(b"\n")
        parts.append(line)
        if end:
            break
        offset, piece = offset + len(data), _A_PIECE
    return b"".join(parts)


def decoded(decoder: msgspec.json.Decoder[T], line: bytes, path: Path, number: int) -> T:
    """The entry of a line; raises ProblemError, ``storage``, naming file and line."""
    try:
        return decoder.decode(without_mark(line))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise broken(path, number, f"{error}.") from None


def indexed(folder: Path, index: Path, type_: type[T], what: str, belongs: str) -> tuple[Path, T]:
    """The folder that holds files with an index, and what the index says of them.

    Args:
        folder: That folder, or the one that it is in.
        index: Path of the index in the latter, such as ``heads/heads.json``.
        type_: What the index holds.
        what: What the files hold, for the error when there are none.
        belongs: Which files these are, for the same.

    Raises:
        ProblemError: ``storage``, if there is no index or if it is broken.
    """
    place = (folder / index).parent if (folder / index).exists() else folder
    path = place / index.name
    try:
        data = path.read_bytes()
    except OSError:
        raise problem(
            "storage", f"There are no stored {what} in {folder}.", belongs, "Name another."
        ) from None
    return place, decoded(msgspec.json.Decoder(type_), data, path, 1)


def write_entries(path: Path, entries: Iterable[object]) -> None:
    """Write an entry a line, for `entries` to read; raises OSError."""
    with path.open("wb") as file:
        for each in entries:
            file.write(msgspec.json.encode(each) + b"\n")


def broken(path: Path | str, number: int | None, why: str, remedy: str = "") -> ProblemError:
    """A file that cannot be used, for what is wrong in a line or in all of it."""
    line = "" if number is None else f" in line {number}"
    return problem("storage", f"{path} is broken{line}.", why, remedy)
