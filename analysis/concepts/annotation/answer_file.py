"""Stores answers on disk: one line each, appended and flushed as soon as it arrives.

Answers are not in the result cache: paid answers must not be evicted or cleared along with results
that can be recomputed, and that cache counts its entries at every write, while one pair of models
has hundreds of thousands of answers. A line is ``<checksum> <JSON>``; truncated or altered lines
are skipped and counted, and do not affect the others.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from analysis.concepts.annotation.completer import Completion
from analysis.files.text import without_mark
from analysis.problems import ProblemError, problem
from cache.errors import in_words


class _Line(msgspec.Struct, frozen=True):
    key: str
    answer: Completion


class Answers(Protocol):
    """A store of answers."""

    def get(self, key: str) -> Completion | None:
        """The answer to the question with this key; None if there is none."""

    def put(self, key: str, answer: Completion) -> None:
        """Store an answer. Raises `ProblemError` if that fails."""

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """A context in which `put` works; raises `ProblemError` on entry if it could not."""


class AnswerFile:
    """Answers in a file, read completely when opened; created on first write, for the owner only.

    Any number of processes may read it, but only one at a time may write. `damaged` counts
    unreadable lines, whose questions are asked again.
    """

    def __init__(self, path: Path) -> None:
        """Read the file if it exists; raises ProblemError, ``storage``, if it cannot be read."""
        self.path = path
        self.damaged = 0
        self._answers: dict[str, Completion] = {}
        self._read_up_to = 0
        self._descriptor: int | None = None
        try:
            with path.open("rb") as file:
                self._read(file.read())
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._problem(error, "cannot be read") from error

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str) -> Completion | None:
        return self._answers.get(key)

    def put(self, key: str, answer: Completion) -> None:
        """Store an answer; only inside `writing`. It is on disk when this returns.

        Raises:
            ProblemError: ``storage`` if it could not be written.
        """
        assert self._descriptor is not None, "put outside of writing()"
        content = msgspec.json.encode(_Line(key, answer))
        line = b"%08x %s\n" % (zlib.crc32(content), content)
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                written += os.write(self._descriptor, line[written:])
            os.fsync(self._descriptor)
        except OSError as error:
            # A partial line would corrupt the next one.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._read_up_to)
            raise self._problem(error, "cannot be written") from error
        self._read_up_to += len(line)
        self._answers[key] = answer

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Lock the file for this process and read what others have written so far.

        Raises:
            ProblemError: ``storage`` if it cannot be written, or another process has locked it.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise self._problem(error, "cannot be written") from error
        try:
            self._hold(descriptor)
            self._descriptor = descriptor
            yield
        finally:
            self._descriptor = None
            os.close(descriptor)

    def _hold(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            size = os.fstat(descriptor).st_size
            self._read(os.pread(descriptor, max(0, size - self._read_up_to), self._read_up_to))
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                size += os.write(descriptor, b"\n")  # ends a line that was cut short
            self._read_up_to = size
        except BlockingIOError as error:
            raise problem(
                "storage",
                "Another insttui is annotating and writes the same answers.",
                f"It holds {self.path}.",
                "Wait until it is done; its answers will be yours too.",
            ) from error
        except OSError as error:
            raise self._problem(error, "cannot be written") from error

    def _read(self, content: bytes) -> None:
        lines = content.split(b"\n")
        tail = lines.pop()  # empty, or cut short: by a kill, or because it is being written
        if lines and not self._read_up_to:
            lines[0] = without_mark(lines[0])
        for line in lines:
            # A byte order mark and CRLF line ends come from viewing the file in an editor.
            self._take(line.removesuffix(b"\r"))
        self._read_up_to += len(content) - len(tail)

    def _take(self, line: bytes) -> None:
        checksum, _, content = line.partition(b" ")
        try:
            if int(checksum, 16) != zlib.crc32(content):
                raise ValueError("altered")
            read = msgspec.json.decode(content, type=_Line)
        except (ValueError, msgspec.DecodeError):
            self.damaged += bool(line)
            return
        self._answers[read.key] = read.answer

    def _problem(self, error: OSError, what: str) -> ProblemError:
        return problem(
            "storage",
            f"The answer file, {self.path}, {what}.",
            in_words(error),
            "Nothing more is asked, so that no answer is paid for and lost.",
        )
