"""What passes between app and terminal: any input, and only harmless output.

Textual 8 decodes input strictly: one pasted byte of another encoding ends the thread that reads the
keys, and the app with it. Here such a byte becomes a visible U+FFFD. And if the terminal is gone,
Textual keeps reading nothing in a busy loop; here the app ends as on a hang-up, since a signal need
not follow.

With Textual 8.2.8's own driver, the single byte 0xff ends the app, and a terminal that goes away
without a signal leaves a process behind (tests/faults/test_endings.py).

Ctrl-z stops the app as a shell's job: with whatever started it there, such as ``uv run``, and not
at all where no shell could go on with it. Textual stops its own process alone: behind ``uv run`` or
where the app is the terminal's only program, neither app nor shell can be reached any more. It also
starts a second time on a SIGCONT that follows no ctrl-z, and after one may wait for ever for a key
that the shell has taken (tests/faults/test_suspending.py).

All text is made visible where it is drawn (`text`). `HarmlessText` catches what arrives in other
ways, such as a paste into the palette's entry: Textual 8.2.8 sends each of U+202E, U+009B and
U+0090, pasted there once, 126 times to the terminal; with the filter, never.
"""

from __future__ import annotations

import codecs
import errno
import os
import signal
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.driver import Driver
from textual.drivers import linux_driver
from textual.filter import LineFilter

from app.terminal.checks import is_served

# What `stop_application_mode` and its callees write: paste, wrapping, sizes, mouse, keyboard, the
# alternate screen, cursor and focus.
_AS_IT_WAS = (
    b"\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"
    b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
_WRITING_S = 0.3
# How long it may take until a process that has sent itself a signal to stop is stopped.
_STOPPING_S = 0.2


class ForgivingDriver(linux_driver.LinuxDriver):
    """Reads any bytes, as long as there is a terminal."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        # While the app is stopped the shell may take a key that the app's thread has been told of.
        # That thread would then wait for another key, and the app, on its return, for the thread.
        # So its reads never wait; standard input itself is the shell's too, and stays as it is.
        with suppress(OSError):
            self.fileno = os.open(os.ttyname(self.fileno), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def run_input_thread(self) -> None:
        """Read keys until the app or the terminal ends, with a decoder that accepts anything."""
        # Textual makes its decoder inside the method, from this name in its module.
        decoder = partial(ForgivingDecoder, self._terminal_gone)
        linux_driver.getincrementaldecoder = lambda _: decoder  # type: ignore[attr-defined, assignment]
        while True:
            try:
                super().run_input_thread()
                return
            except BlockingIOError:
                # The shell has taken the key.
                continue

    _has_to_return = False

    # Both signals are answered between callbacks of the loop: in the midst of leaving or entering
    # the terminal they would leave two threads that read keys, or the terminal raw at the end.

    def _sigtstp_application(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop)

    def _sigcont_application(self, *_: object) -> None:
        # In the background a read may stop it again before it has come back.
        if not self._has_to_return:
            self._has_to_return = True
            self._loop.call_soon_threadsafe(self._come_back)

    def _stop(self) -> None:
        self.suspend_application_mode()
        self._must_signal_resume = True
        # It comes back below.
        signal.signal(signal.SIGCONT, signal.SIG_DFL)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.killpg(0, signal.SIGTSTP)
        # Here it stands still, unless no shell would let it go on: then the system stops nothing.
        time.sleep(_STOPPING_S)
        signal.signal(signal.SIGTSTP, self._sigtstp_application)
        self._come_back()

    def _come_back(self) -> None:
        # In the background the system stops it here, until it is in the foreground; Textual's own
        # start gives up there. Going on from that is no second return.
        signal.signal(signal.SIGCONT, signal.SIG_DFL)
        self._wait_for_foreground()
        self._has_to_return = False
        signal.signal(signal.SIGCONT, self._sigcont_application)
        if self._writer_thread is not None and self._writer_thread.is_alive():
            # It was stopped by another signal, and the shell has used the terminal since.
            self.suspend_application_mode()
            self._must_signal_resume = True
        self.resume_application_mode()

    def _wait_for_foreground(self) -> None:
        while True:
            try:
                # It changes no mode, and does not wait for a terminal that accepts no output.
                termios.tcflow(self.fileno, termios.TCOON)
                return
            except termios.error as error:
                if error.args[0] != errno.EINTR:
                    return

    def restore(self) -> None:
        """Restore the terminal from any thread, even while others are stuck on it."""
        if self.attrs_before is None:
            return
        with suppress(termios.error):
            termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        # Do not wait for a terminal that accepts no output: it would block this too.
        writing = threading.Thread(target=_give_back, daemon=True)
        writing.start()
        writing.join(_WRITING_S)

    def _terminal_gone(self) -> None:
        self.exit_event.set()
        os.kill(os.getpid(), signal.SIGHUP)


def _give_back() -> None:
    with suppress(OSError):
        os.write(2, _AS_IT_WAS)


def driver_class() -> type[Driver]:
    """The driver of the app: for a browser that it is served to, else for the terminal."""
    if not is_served():
        return ForgivingDriver
    # Imported here: a terminal needs none of it.
    from app.terminal.web_driver import ServedDriver

    return ServedDriver


class ForgivingDecoder:
    """UTF-8, with U+FFFD for invalid bytes; an empty read (terminal gone) calls `ended`."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._ended = ended

    def decode(self, data: bytes, final: bool = False) -> str:
        """The text of the next bytes."""
        if not data and not final:
            self._ended()
        return self._decoder.decode(data, final)


class HarmlessText(LineFilter):
    """Replaces characters that are neither printable nor a space, keeping their width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments, with unprintable characters replaced."""
        if all(text.isprintable() for text, _, _ in segments):
            return segments
        return [
            segment
            if segment.text.isprintable() or segment.control
            else Segment(harmless(segment.text), segment.style)
            for segment in segments
        ]


@lru_cache(4096)
def harmless(text: str) -> str:
    """The text with unprintable characters replaced, at the same width."""
    return "".join(
        char if char.isprintable() or char == "\xa0" else "·" * cell_len(char) for char in text
    )
