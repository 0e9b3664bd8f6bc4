"""A program in a pseudo-terminal, seen from the other side: its bytes, their times, its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from rich.color_triplet import ColorTriplet
from wcwidth import wcwidth

from app.terminal.legibility import contrast, is_drawn

_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
# pyte does not know these and would print their rest.
_PRIVATE = re.compile(rb"\x1b\[[<=>][0-9;]*[a-zA-Z]")

# Generous: a slow machine may have other work.
PATIENCE_S = 240.0

ENVIRONMENT = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


class Terminal:
    """Runs a program in a terminal of its own; close it with `with`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 200,
        lines: int = 50,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.output = bytearray()
        self.last_byte = self.started = time.perf_counter()
        self.size = (columns, lines)
        # Exit status, negative for a signal; None while the program runs.
        self.status: int | None = None
        self._hung_up = False
        self._display: Any = None
        self._drawn = 0
        hidden = ("NO_COLOR", "FORCE_COLOR", "SSH_TTY", "TMUX", "COLUMNS", "LINES")
        inherited = {k: v for k, v in os.environ.items() if k not in hidden}
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            # The size must be there before the program asks for it.
            self._set_size(0, columns, lines)
            if folder is not None:
                os.chdir(folder)
            os.execvpe(command[0], list(command), inherited | ENVIRONMENT | dict(environment or {}))
        os.set_blocking(self._master, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def _set_size(descriptor: int, columns: int, lines: int) -> None:
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        """Change the terminal's size, as a user who drags the window does."""
        if self._display is not None:
            self._draw()
            self._display.resize(lines, columns)
        self.size = (columns, lines)
        self._set_size(self._master, columns, lines)

    def write(self, keys: str | bytes) -> float:
        """Type; returns the time at which it was typed."""
        now = time.perf_counter()
        data = keys.encode() if isinstance(keys, str) else keys
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                # It has not read the last ones yet; neither may it be left waiting for us.
                self.read(0.01)
        return now

    def paste(self, text: str) -> None:
        """Paste, as terminals do that say where a paste begins and ends."""
        self.write(f"\x1b[200~{text}\x1b[201~")

    def read(self, timeout: float) -> bytes:
        """The bytes that arrive within `timeout` seconds, as soon as there are any."""
        if self._hung_up:
            time.sleep(timeout)
            return b""
        if not select.select([self._master], [], [], max(0.0, timeout))[0]:
            return b""
        try:
            chunk = os.read(self._master, 1 << 16)
        except OSError:
            return b""
        if chunk:
            self.last_byte = time.perf_counter()
            self.output += chunk
        return chunk

    def read_for(self, seconds: float) -> bytes:
        """All bytes that arrive in this time."""
        start, end = len(self.output), time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if not self.read(left) and not self.is_running():
                break
        return bytes(self.output[start:])

    def read_until_quiet(self, quiet: float = 0.15, timeout: float = 60.0) -> bytes:
        """All bytes until nothing came for `quiet` seconds."""
        start, end = len(self.output), time.perf_counter() + timeout
        while time.perf_counter() < end and self.read(quiet):
            pass
        return bytes(self.output[start:])

    def wait_until(self, condition: Callable[[], bool], timeout: float = PATIENCE_S) -> float:
        """Read until the condition holds; returns the time of the last byte then."""
        end = time.perf_counter() + timeout
        while not condition():
            if time.perf_counter() > end:
                raise TimeoutError(f"not on screen after {timeout} s:\n{self.text()[-2000:]}")
            self.read(0.05)
        return self.last_byte

    def wait_for(self, text: str, timeout: float = PATIENCE_S, *, since: int = 0) -> float:
        """Read until this text has been printed; returns the time of its bytes."""
        return self.wait_until(lambda: text in self.text(since), timeout)

    def text(self, since: int = 0) -> str:
        """Everything printed since a position in `output`, without escape sequences."""
        return _ESCAPE.sub(b"", bytes(self.output[since:])).decode(errors="replace")

    def screen(self, since: int = 0) -> list[str]:
        """The lines on the screen, as the emulator `pyte` draws the output from a position on."""
        import pyte

        screen = pyte.Screen(*self.size)
        stream = pyte.ByteStream(screen)
        stream.feed(_PRIVATE.sub(b"", bytes(self.output[since:])))
        return _lines_of(screen)

    def shown(self) -> str:
        """What is on the screen now, through every change of its size: a line of text a row."""
        import pyte

        if self._display is None:
            self._display = pyte.Screen(*self.size)
            self._stream = pyte.ByteStream(self._display)
        self._draw()
        return "\n".join(_lines_of(self._display))

    def least_contrast(self, line: int) -> float:
        """The least contrast of text with its ground on a line of what was `shown` last."""
        cells = self._display.buffer[line]
        return min(
            contrast(ColorTriplet(*bytes.fromhex(cell.fg)), ColorTriplet(*bytes.fromhex(cell.bg)))
            for cell in (cells[column] for column in range(self._display.columns))
            if cell.data and not is_drawn(cell.data)
        )

    def _missing(self, texts: Sequence[str]) -> list[str]:
        """Those that are neither on a line of the screen nor run on from one to the next."""
        shown = self.shown()
        missing = [text for text in texts if text not in shown]
        flowing = " ".join(shown.split()) if missing else ""
        return [text for text in missing if text not in flowing]

    def _draw(self) -> None:
        waiting = bytes(self.output[self._drawn :])
        # The end may be half of a private sequence, which cannot be recognised yet.
        unfinished = re.search(rb"\x1b(?:\[[<=>]?[0-9;]*)?\Z", waiting)
        ready = waiting[: unfinished.start()] if unfinished else waiting
        self._drawn += len(ready)
        self._stream.feed(_PRIVATE.sub(b"", ready))

    def wait_for_screen(self, *texts: str, timeout: float = PATIENCE_S) -> str:
        """Read until all of these stand on the screen at the same time; returns the screen.

        A text may run over the end of a line.
        """
        end = time.perf_counter() + timeout
        while missing := self._missing(texts):
            if time.perf_counter() > end:
                raise TimeoutError(f"{missing} not on screen after {timeout} s:\n{self.shown()}")
            if not self.read(0.1) and not self.is_running():
                raise AssertionError(f"ended without showing {missing}:\n{self.shown()}")
        return self.shown()

    def is_running(self) -> bool:
        """Whether the program is still there."""
        if self.status is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is None

    def wait_for_exit(self, timeout: float = PATIENCE_S) -> float:
        """Read until the program has ended; returns the time."""
        end = time.perf_counter() + timeout
        while self.is_running():
            if time.perf_counter() > end:
                raise TimeoutError(f"still running after {timeout} s")
            self.read(0.002)
        return time.perf_counter()

    def end(self, key: str = "\x03") -> int | None:
        """Type the key that ends the program; its exit status once it has ended."""
        self.write(key)
        self.wait_for_exit()
        return self.status

    def resident_memory(self) -> int:
        """VmRSS of the program's first process in bytes (Linux)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    def has_mapped(self, library: str) -> bool:
        """Whether the program's first process has a library of this name in memory (Linux)."""
        return library in Path(f"/proc/{self.pid}/maps").read_text()

    def hang_up(self) -> None:
        """Take the terminal away, as a lost connection does."""
        self._hung_up = True
        os.close(self._master)

    def close(self) -> None:
        """End the program if it has not ended."""
        if self.is_running():
            os.kill(self.pid, signal.SIGKILL)
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if not self._hung_up:
            self.hang_up()


def _lines_of(screen: Any) -> list[str]:
    """The lines of a `pyte` screen, with a blank for the half of a wide character that remains.

    Pyte's own `display` fails on one, as it is left where the other half has been overwritten.
    """
    lines = []
    for y in range(screen.lines):
        row = screen.buffer[y]
        cells = [row[x].data for x in range(screen.columns)]
        line = "".join(cells)
        # An empty cell is the other half of a wide character, which ASCII has none of.
        if not line.isascii() or len(line) < len(cells):
            wide = [False, *(wcwidth(cell[:1]) == 2 for cell in cells)]
            halves = zip(cells, wide, strict=False)
            line = "".join(cell or " " * (not after) for cell, after in halves)
        lines.append(line)
    return lines
