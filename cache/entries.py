"""Reads the cache without changing it.

Lists entries without decoding them, and reads values where diskcache cannot because it records
every access: on a read-only or full disk.
"""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from cache.disk import BytesDisk
from cache.errors import database_code

DATABASE = "cache.db"
LOCK_SECONDS = 5.0

_EXCERPT = 200

# Ignore rows that this program's store could not have written.
_OURS = "typeof(key) = 'text' AND raw = 1"


class EntryLabel(msgspec.Struct, frozen=True):
    """Describes an entry in a listing; the store keeps only the beginning of the prompt."""

    analysis: str
    model: str = ""
    prompt: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One stored result of `size` bytes; label None if it can no longer be read; times in UTC.

    When it was last read is None where nobody records that.
    """

    key: str
    label: EntryLabel | None
    size: int
    created: datetime
    accessed: datetime | None


def to_tag(label: EntryLabel) -> str:
    """The label as stored with an entry: JSON, with only the beginning of the prompt."""
    excerpt = msgspec.structs.replace(label, prompt=label.prompt[:_EXCERPT])
    return msgspec.json.encode(excerpt).decode()


def from_tag(tag: object) -> EntryLabel | None:
    """What `to_tag` made of a label; None if it is damaged."""
    try:
        return msgspec.json.decode(tag, type=EntryLabel) if isinstance(tag, str | bytes) else None
    except msgspec.DecodeError:
        return None


class Reader:
    """Reads the rows of a cache folder. Every method may raise `sqlite3.Error`."""

    def __init__(self, directory: Path) -> None:
        self._database = (directory / DATABASE).absolute().as_uri()
        self._disk = BytesDisk(str(directory))

    def value(self, key: str) -> bytes | None:
        """The sealed bytes under `key`; None if absent.

        Raises:
            CorruptDataError: The row holds something other than bytes.
            OSError: The file of the value cannot be read.
        """
        rows = self._rows(f"SELECT mode, filename, value FROM Cache WHERE key = ? AND {_OURS}", key)
        for mode, filename, value in rows:
            with contextlib.suppress(FileNotFoundError):
                return self._disk.fetch(mode, filename, value, read=False)
        return None

    def has(self, key: str) -> bool:
        """Whether there is a row for `key`."""
        return bool(self._rows(f"SELECT 1 FROM Cache WHERE key = ? AND {_OURS}", key))

    def entries(self) -> list[Entry]:
        """All entries, least recently used first."""
        rows = self._rows(
            "SELECT key, tag, CAST(size AS INTEGER), CAST(store_time AS REAL),"
            f" CAST(access_time AS REAL) FROM Cache WHERE {_OURS} ORDER BY access_time, rowid"
        )
        return [
            Entry(key, from_tag(tag), size or 0, _moment(created), _moment(accessed))
            for key, tag, size, created, accessed in rows
        ]

    def total(self) -> tuple[int, int]:
        """Number of entries and their total size in bytes."""
        statement = f"SELECT COUNT(*), CAST(TOTAL(size) AS INTEGER) FROM Cache WHERE {_OURS}"
        ((count, size),) = self._rows(statement)
        return count, size

    def _rows(self, statement: str, *arguments: str) -> list[tuple[Any, ...]]:
        try:
            # SQLite falls back to read-only by itself. If it can write, it rolls back interrupted
            # writes.
            return self._query("mode=rw", statement, arguments)
        except sqlite3.OperationalError as error:
            # On a read-only disk an interrupted write cannot be rolled back; the file is read as it
            # is, and checksums decide whether an entry is usable.
            if database_code(error) not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                raise
        return self._query("mode=ro&immutable=1", statement, arguments)

    def _query(
        self, options: str, statement: str, arguments: tuple[str, ...]
    ) -> list[tuple[Any, ...]]:
        address = f"{self._database}?{options}"
        with contextlib.closing(sqlite3.connect(address, LOCK_SECONDS, uri=True)) as connection:
            return connection.execute(statement, arguments).fetchall()


def _moment(seconds: float | None) -> datetime:
    try:
        return datetime.fromtimestamp(seconds or 0, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
