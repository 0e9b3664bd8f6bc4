"""A hub on this machine: serves folders the way the model hub's programming interface does."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.chat_server import serving
from tests.support.checkpoints import COMMIT


class _Handler(BaseHTTPRequestHandler):
    server: HubServer

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token not in self.server.tokens:
            return self._refuse(401, "", "Invalid credentials in Authorization header")
        if (gated := self.server.gated) and gated in path and not self.server.tokens.get(token):
            return self._refuse(403 if token else 401, "GatedRepo")
        if (secret := self.server.secret) and secret in path:
            return self._refuse(403, "", "Storage of this organisation is locked")
        for repository, folder in self.server.models.items():
            if path.startswith(f"/api/models/{repository}/tree/"):
                return self._send(self._tree(folder), body)
            if path.startswith(f"/api/models/{repository}"):
                known = path.endswith((repository, "/revision/main", COMMIT))
                if not known:
                    return self._refuse(404, "RevisionNotFound")
                described = {"id": repository, "sha": COMMIT, "siblings": []}
                return self._send(json.dumps(described).encode(), body)
            prefix = f"/{repository}/resolve/{COMMIT}/"
            if path.startswith(prefix) and (folder / path[len(prefix) :]).is_file():
                if body:
                    self.server.fetched.append(path[len(prefix) :])
                return self._send((folder / path[len(prefix) :]).read_bytes(), body)
        return self._refuse(404, "RepoNotFound")

    def _tree(self, folder: Path) -> bytes:
        return json.dumps(
            [
                {
                    "type": "file",
                    "path": file.relative_to(folder).as_posix(),
                    "size": file.stat().st_size,
                    "oid": hashlib.sha1(file.read_bytes()).hexdigest(),
                }
                for file in sorted(folder.rglob("*"))
                if file.is_file()
            ]
        ).encode()

    def _send(self, content: bytes, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        for start in range(0, len(content) if body else 0, 4096):
            if start and self.server.hold is not None:
                self.server.held.set()
                self.server.hold.wait(240)
            self.wfile.write(content[start : start + 4096])

    def _refuse(self, status: int, code: str, message: str = "") -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        if message:
            self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", "0")
        self.end_headers()


class HubServer(ThreadingHTTPServer):
    """Models by repository.

    Attributes:
        models: The folder behind each repository.
        gated: A repository that is refused until its licence is accepted.
        secret: A repository that is refused for reasons of the hub's own.
        tokens: The access tokens that are known, and whether their accounts accepted the licence.
        fetched: The files whose contents were asked for.
        hold: When set, files stop after their first block until the event is.
        held: Set once a file has stopped.
    """

    daemon_threads = True

    def __init__(self, models: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models = models
        self.gated = self.secret = ""
        self.tokens: dict[str, bool] = {}
        self.fetched: list[str] = []
        self.hold: threading.Event | None = None
        self.held = threading.Event()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


def hub_server(models: dict[str, Path]) -> AbstractContextManager[HubServer]:
    """A hub with these models, for as long as the block runs."""
    return serving(HubServer(models))
