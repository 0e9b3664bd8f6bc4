"""The session's handle on its engine process: start, send, receive, kill, explain its death."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping

from analysis.models.scratch import remove_all
from analysis.problems import Problem
from analysis.session.protocol import HEADER_SIZE, FromEngine, ToEngine, body_length, frame
from cache.codec import decode

# -P keeps the working directory off the import path: a user's own analysis/ must not be run.
ENGINE_COMMAND = (sys.executable, "-P", "-m", "analysis.engine")
_READ_SIZE = 1 << 20
_STDERR_TAIL = 600


class EngineDiedError(Exception):
    """The engine process is gone."""


class EngineProcess:
    """A running engine process. Any thread may send, but only one may receive."""

    def __init__(
        self,
        command: tuple[str, ...] = ENGINE_COMMAND,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it, with `environment` on top of this process's own."""
        # Stays open as long as the process lives; `kill` closes it.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            bufsize=0,
            env={**os.environ, **(environment or {})},
            # Outside the terminal's process group: the session handles ctrl-C, and a closed pipe
            # tells the engine that the session is gone.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin
        self._events = self._process.stdout
        self._sending = threading.Lock()
        self._received = bytearray()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: ToEngine) -> None:
        """Send a message; EngineDiedError if the process is gone."""
        data = memoryview(frame(message))
        with self._sending:
            try:
                while data:
                    data = data[self._requests.write(data) :]
            except (BrokenPipeError, ValueError) as error:
                raise EngineDiedError from error

    def receive(self, timeout: float) -> FromEngine | None:
        """The next message, or None if none comes within `timeout` seconds.

        Raises EngineDiedError if the process is gone.
        """
        deadline = time.monotonic() + timeout
        while (body := self._take_message()) is None:
            remaining = max(0.0, deadline - time.monotonic())
            try:
                ready, _, _ = select.select([self._events], [], [], remaining)
                if not ready:
                    return None
                data = self._events.read(_READ_SIZE)
            except (OSError, ValueError) as error:
                raise EngineDiedError from error
            if not data:
                raise EngineDiedError
            self._received += data
        message: FromEngine = decode(body, FromEngine)
        return message

    def _take_message(self) -> bytes | None:
        if len(self._received) < HEADER_SIZE:
            return None
        end = HEADER_SIZE + body_length(bytes(self._received[:HEADER_SIZE]))
        if len(self._received) < end:
            return None
        body = bytes(self._received[HEADER_SIZE:end])
        del self._received[:end]
        return body

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        remove_all(self._process.pid)
        self._requests.close()
        self._events.close()
        self._stderr.close()

    def obituary(self) -> Problem:
        """Explain from its exit status and last output why the process died."""
        try:
            status: int | None = self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            status = None
        remedy = "Run it again: a new engine starts by itself."
        if status is not None and status < 0:
            why = f"It was ended by {signal.Signals(-status).name}."
            if -status == signal.SIGKILL:
                why += " The system does that when memory runs out."
                remedy += " If it happens again, use a shorter text, a smaller model or dtype."
        else:
            why = f"It ended with status {status}. {self._last_words()}".strip()
        return Problem(kind="engine", what="The engine process died.", why=why, remedy=remedy)

    def _last_words(self) -> str:
        size = os.fstat(self._stderr.fileno()).st_size
        tail = os.pread(self._stderr.fileno(), _STDERR_TAIL, max(0, size - _STDERR_TAIL))
        lines = tail.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""
