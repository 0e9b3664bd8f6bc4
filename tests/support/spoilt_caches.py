"""What spoils a cache: harmful pickles, half a write, changes behind its back."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from cache.store import EntryLabel
from tests.support.children import PATIENCE_S, start

LABEL = EntryLabel("attribution", "demo-base", "Hello")

# A transaction so large that SQLite writes to the database before its end.
_INTERRUPTED = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1] + "/cache.db", isolation_level=None)
connection.execute("PRAGMA journal_mode = truncate")
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute(sys.argv[2])
os.kill(os.getpid(), signal.SIGKILL)
"""


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


def interrupt_a_write(folder: Path, statement: str) -> None:
    """Have a process change much of a cache, and kill it before that is committed."""
    process = start(_INTERRUPTED, folder, statement)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == -signal.SIGKILL
    assert (folder / "cache.db-journal").stat().st_size > 0


def execute(folder: Path, statement: str, *arguments: object) -> None:
    """Change a cache's database behind its back."""
    with closing(sqlite3.connect(folder / "cache.db")) as connection, connection:
        assert connection.execute(statement, arguments).rowcount != 0
