"""Replaces a damaged database with a new one, exactly once across processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from diskcache.core import DEFAULT_SETTINGS, METADATA

from cache.disk import value_files
from cache.entries import DATABASE
from cache.errors import database_code

DAMAGED = f"{DATABASE}.damaged"

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_OTHER_TABLES = ("no such table", "no such column", "table ")


def is_damage(cause: BaseException) -> bool:
    """Whether the file is not a database, or not one laid out by this program."""
    other_tables = isinstance(cause, sqlite3.Error) and str(cause).startswith(_OTHER_TABLES)
    return database_code(cause) in _DAMAGE or other_tables


def is_unusable(cause: BaseException) -> bool:
    """Whether opening fails because of the database's contents rather than the disk.

    diskcache trusts its Settings table and fails on entries that do not belong there.
    """
    stumbled = not isinstance(cause, (sqlite3.Error, OSError))
    return stumbled or database_code(cause) == sqlite3.SQLITE_ERROR or is_damage(cause)


def drop_foreign_settings(connection: sqlite3.Connection) -> None:
    """Remove settings unknown to diskcache, which would turn each of them into an attribute."""
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'Settings'").fetchall()
    if tables:
        known = (*DEFAULT_SETTINGS, *METADATA)
        marks = ", ".join("?" * len(known))
        connection.execute(f"DELETE FROM Settings WHERE key NOT IN ({marks})", known)


def is_gone(cause: BaseException) -> bool:
    """Whether the folder or database was removed or replaced under an open connection."""
    moved = getattr(cause, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED
    return moved or isinstance(cause, FileNotFoundError)


def identity(directory: Path) -> tuple[int, int] | None:
    """Which file the database is (device and inode); None if there is none."""
    try:
        stat = (directory / DATABASE).stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


@contextlib.contextmanager
def exclusively(directory: Path) -> Iterator[None]:
    """Keep other processes from repairing the same folder at the same time."""
    descriptor = os.open(directory / "repair.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def move_aside(directory: Path) -> None:
    """Make room for a new database; the old one stays until the next repair. Raises OSError."""
    (directory / DATABASE).replace(directory / DAMAGED)
    # SQLite would replay a leftover journal into the new database.
    for leftover in ("-journal", "-wal"):
        (directory / f"{DATABASE}{leftover}").unlink(missing_ok=True)
    for path in value_files(directory):
        path.unlink(missing_ok=True)
