"""Chat endpoints on this machine: one that misbehaves to order, and transformers' own server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

MODEL = "annotator"
Server = TypeVar("Server", bound=ThreadingHTTPServer)


@dataclass(frozen=True)
class Fault:
    """What a request gets instead of its answer.

    Attributes:
        status: HTTP status.
        headers: Sent with it.
        body: Sent as it is.
        dropped: Close the connection without a word.
        held: Wait for this event before anything is sent.
        date_in: Ask to be left alone until a date, so many seconds from when it is sent; a date
            has whole seconds, so that it may be one less.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    dropped: bool = False
    held: threading.Event | None = None
    date_in: int = 0


def error_body(message: str, code: str = "") -> bytes:
    """An error as OpenAI words it."""
    return json.dumps({"error": {"message": message, "code": code or None}}).encode()


def completion_body(text: str | None, **choice: Any) -> bytes:
    """A chat completion with one choice."""
    message = {"role": "assistant", "content": text}
    whole = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105},
    }
    return json.dumps(whole).encode()


def models_body(names: list[str]) -> bytes:
    """The list of models that a server offers."""
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "us"} for name in names]
    return json.dumps({"object": "list", "data": data}).encode()


def sensible(body: dict[str, Any]) -> str:
    """An answer that each step understands, found by the role it gives."""
    role = body["messages"][0]["content"]
    if "hidden directions" in role:
        return "names of months"
    return "daily writing; translation" if "kinds of work" in role else "semantics"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ChatServer

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(content)
        with self.server.lock:
            self.server.asked.append(body)
            self.server.headers.append(dict(self.headers.items()))
            self.server.times.append(time.monotonic())
            fault = self.server.faults.popleft() if self.server.faults else None
        if fault is not None:
            return self._misbehave(fault)
        if self.server.upstream:
            status, answer = self._forward(content)
        else:
            status, answer = 200, self.server.reply(body)
        if status == 200:
            with self.server.lock:
                self.server.answered.append(body)
        return self._send(status, answer, {})

    def do_GET(self) -> None:
        self._send(200, models_body(self.server.models), {})

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _misbehave(self, fault: Fault) -> None:
        if fault.held is not None:
            fault.held.wait(240)
        if fault.dropped:
            self.close_connection = True
            return
        headers = dict(fault.headers)
        if fault.date_in:
            headers["Retry-After"] = formatdate(time.time() + fault.date_in, usegmt=True)
        self._send(fault.status, fault.body, headers)

    def _forward(self, content: bytes) -> tuple[int, bytes]:
        request = urllib.request.Request(
            f"{self.server.upstream}{self.path}",
            content,
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=240) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 502, b"no one there"

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True  # the client has gone


class ChatServer(ThreadingHTTPServer):
    """Answers, or misbehaves while there are faults left.

    Attributes:
        faults: What the next requests get, one each.
        answer: What is said otherwise, given the request.
        upstream: A server that answers instead, without ``/v1``.
        asked: The bodies of all requests.
        headers: Their headers.
        times: When they came, on the monotonic clock.
        answered: The bodies of those that got an answer.
        models: The names of what it serves.
    """

    daemon_threads = True

    def __init__(self, upstream: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults: deque[Fault] = deque()
        self.answer: Callable[[dict[str, Any]], str] = sensible
        self.upstream = upstream
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.answered: list[dict[str, Any]] = []
        self.models = [MODEL]
        self.lock = threading.Lock()

    def reply(self, body: dict[str, Any]) -> bytes:
        """What a request is answered with."""
        return completion_body(self.answer(body))

    @property
    def address(self) -> str:
        """Its base URL for a client."""
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """A server that answers from a thread of its own for as long as the block runs."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def chat_server(upstream: str = "") -> AbstractContextManager[ChatServer]:
    """An endpoint for as long as the block runs."""
    return serving(ChatServer(upstream))


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_transformers_server(port: int, log: Path) -> subprocess.Popen[bytes]:
    """``transformers serve`` without a network, once it answers on its port."""
    code = "import sys; from transformers.cli.transformers import main; sys.exit(main())"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    arguments = ["serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], env=environment, stdout=output, stderr=output
        )
    deadline = time.monotonic() + 400
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return process
        except OSError:
            time.sleep(0.2)
    process.kill()
    process.wait()
    raise AssertionError(f"transformers serve did not start:\n{log.read_text()}")
