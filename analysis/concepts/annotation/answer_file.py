"""Answers on disk: one line each, appended and flushed the moment it arrives.

Not the cache of results: what has been paid for must neither be evicted nor cleared with results
that can be computed again, and that cache counts all its entries at every write, of which a whole
pair of models makes hundreds of thousands here. A line is ``<checksum> <JSON>``; a line that was
cut short or altered is left out and counted, the others are not affected.
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
from analysis.problems import ProblemError, problem
from analysis.text_files import without_mark
from cache.errors import in_words


class _Line(msgspec.Struct, frozen=True):
    key: str
    answer: Completion


class Answers(Protocol):
    """Where answers are kept."""

    def get(self, key: str) -> Completion | None:
        """The answer to the question with this key; None where there is none."""

    def put(self, key: str, answer: Completion) -> None:
        """Keep an answer. Raises `ProblemError` where it cannot be kept."""

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """A block in which `put` works; raises `ProblemError` at once where it could not."""


class AnswerFile:
    """Answers in a file, read whole when opened.

    Any number of processes may read one; a single one may write it at a time.

    Attributes:
        path: The file; it and its folder are created when first written, for their owner alone.
        damaged: How many lines could not be read; their questions are asked anew.
    """

    def __init__(self, path: Path) -> None:
        """Read the file where there is one.

        Raises:
            ProblemError: ``storage`` where it exists and cannot be read.
        """
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
        """Number of answers."""
        return len(self._answers)

    def get(self, key: str) -> Completion | None:
        """The answer to the question with this key; None where there is none."""
        return self._answers.get(key)

    def put(self, key: str, answer: Completion) -> None:
        """Keep an answer; only inside `writing`. It is on the disk when this returns.

        Raises:
            ProblemError: ``storage`` where it could not be written.
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
            # Half a line would spoil the next one.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._read_up_to)
            raise self._problem(error, "cannot be written") from error
        self._read_up_to += len(line)
        self._answers[key] = answer

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the file for this process, with all that others have written by now.

        Raises:
            ProblemError: ``storage`` where it cannot be written, or another process holds it.
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
            # A mark and these line ends are from an editor that somebody looked at it with.
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
            f"The file of answers, {self.path}, {what}.",
            in_words(error),
            "Nothing more is asked, so that no answer is paid for and lost.",
        )
