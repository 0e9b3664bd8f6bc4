"""The result store: least recently used results go first; any number of processes share it."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar

from diskcache import Cache, Timeout

from cache import repair
from cache.codec import decode, encode
from cache.disk import BytesDisk, seal, unseal, value_files
from cache.entries import DATABASE, LOCK_SECONDS, Entry, EntryLabel, Reader, to_tag
from cache.errors import (
    CacheError,
    CacheUnavailableError,
    CacheWriteError,
    CorruptDataError,
    CorruptEntryError,
    in_words,
    root_cause,
)

__all__ = [
    "DEFAULT_SIZE_LIMIT",
    "UNLIMITED",
    "CacheError",
    "CacheUnavailableError",
    "CacheWriteError",
    "CorruptEntryError",
    "Entry",
    "EntryLabel",
    "Info",
    "Removed",
    "Store",
]

T = TypeVar("T")

DEFAULT_SIZE_LIMIT = 2_000_000_000
UNLIMITED = sys.maxsize
"""The size limit of a store that evicts nothing."""

_FAILURES = (Timeout, sqlite3.Error, OSError)

_SETTINGS = {
    "disk": BytesDisk,
    "timeout": LOCK_SECONDS,
    "eviction_policy": "least-recently-used",
    # diskcache evicts ten entries at a time, even the new one; `Store` evicts one at a time.
    "cull_limit": 0,
    "statistics": 0,
    "tag_index": 0,
    # Unlike a write-ahead log, a rollback journal works on network and read-only disks.
    "sqlite_journal_mode": "truncate",
    # Opening writes about thirty times; waiting for the disk each time takes 0.2 s instead of 2 ms.
    # A power cut may then cost the database, but it only holds what can be recomputed.
    "sqlite_synchronous": 0,
    # If another process truncates a memory-mapped database, this process can crash.
    "sqlite_mmap_size": 0,
    "disk_min_file_size": 1 << 15,
}


class Info(NamedTuple):
    """Location, size and limit of the cache in bytes; `read_only` says why, empty if writable.

    `size_limit` is None where nothing is evicted.
    """

    place: str
    entries: int
    bytes: int
    size_limit: int | None
    read_only: str


class Removed(NamedTuple):
    """What `Store.prune` and `Store.clear` removed: number of entries and bytes of values."""

    entries: int
    bytes: int


class Store:
    """A cache folder. Its methods may be called from any thread.

    A folder that cannot be written is still read; `put` then says why. A damaged database is moved
    aside and replaced by an empty one; `repaired` then tells the user. `size_limit` is in bytes.
    """

    def __init__(self, directory: Path, *, size_limit: int = DEFAULT_SIZE_LIMIT) -> None:
        """Open the cache in `directory`; a missing folder is created for its owner only.

        Beyond `size_limit` bytes the least recently used entries are evicted. Raises
        CacheUnavailableError if the folder can be neither written nor read.
        """
        self.directory = directory.absolute()
        self.address = str(self.directory)
        self.size_limit = size_limit
        self._reader = Reader(self.directory)
        self._guard = threading.RLock()
        self._cache: Cache | None = None
        self._identity: tuple[int, int] | None = None
        self._read_only = ""
        self.repaired = ""
        try:
            self._open()
        except CacheWriteError as error:
            self._check_readable(error.reason)

    def get(self, key: str, expected: type[T]) -> T | None:
        """The value stored under `key`; None if there is none or it cannot be read now.

        Raises:
            CorruptEntryError: The entry was damaged or not of type `expected`; it is dropped.
        """
        with self._guard:
            try:
                data = self._read(key)
                return None if data is None else decode(unseal(key, data), expected)
            except CorruptDataError as error:
                damage = error
            with contextlib.suppress(CacheWriteError):
                self._delete(key)
            raise CorruptEntryError(f"A stored result was damaged: {damage}.") from damage

    def has(self, key: str) -> bool:
        """Whether something is stored under `key`, which is not read, and may be damaged."""
        try:
            return self._ask(lambda reader: reader.has(key), False)
        except CacheUnavailableError:
            return False

    def put(self, key: str, value: object, *, label: EntryLabel) -> None:
        """Store `value`, anything `codec.encode` accepts; raises CacheWriteError, saying why."""
        data = seal(key, encode(value))
        if len(data) > self.size_limit:
            raise CacheWriteError("The result is larger than the whole cache may become.")
        tag = to_tag(label)
        with self._guard:
            self._write(lambda cache: cache.set(key, data, tag=tag))
            if self.size_limit == UNLIMITED:
                # Adding up all sizes takes as long as there are entries.
                return
            # The value is stored; if this eviction fails, the next one makes up for it.
            with contextlib.suppress(CacheError):
                self._shrink(self.size_limit, keep=key)

    def entries(self) -> list[Entry]:
        """All entries, least recently used first; none is decoded. Raises CacheUnavailableError."""
        return self._ask(Reader.entries, [])

    def info(self) -> Info:
        """Location, size and limit of the cache; raises CacheUnavailableError if unreadable now."""
        entries, size = self._ask(Reader.total, (0, 0))
        return Info(self.address, entries, size, self.size_limit, self._read_only)

    def prune(
        self, *, max_bytes: int | None = None, older_than: timedelta | None = None
    ) -> Removed:
        """Remove entries last used longer ago than `older_than`, then evict down to `max_bytes`.

        Raises:
            CacheWriteError: Not everything could be removed.
            CacheUnavailableError: The cache cannot be read now.
        """
        with self._guard:
            removed = Removed(0, 0)
            if older_than is not None:
                oldest = datetime.now(UTC) - older_than
                removed = self._remove(
                    [e for e in self.entries() if (e.accessed or e.created) < oldest]
                )
            if max_bytes is not None:
                more = self._shrink(max_bytes)
                removed = Removed(removed.entries + more.entries, removed.bytes + more.bytes)
            return removed

    def clear(self) -> Removed:
        """Remove everything, including what interrupted processes left behind.

        Raises:
            CacheWriteError: Not everything could be removed.
            CacheUnavailableError: The cache cannot be read now.
        """
        with self._guard:
            removed = Removed(*self._ask(Reader.total, (0, 0)))
            self._write(lambda cache: cache.clear())
            try:
                for path in (*value_files(self.directory), self.directory / repair.DAMAGED):
                    path.unlink(missing_ok=True)
            except OSError as error:
                raise CacheWriteError(in_words(error)) from error
            return removed

    def close(self) -> None:
        with self._guard:
            if self._cache is not None:
                self._cache.close()
                self._cache = None

    # Reading

    def _read(self, key: str) -> bytes | None:
        """The sealed bytes under `key`; records the access if the database is writable."""
        cache = self._cache
        if cache is not None:
            handled = sys.exception()
            try:
                data: bytes | None = cache.get(key)
                return data
            except _FAILURES as error:
                cause = root_cause(error, handled)
            if self._recover(cache, cause):
                return None
        try:
            return self._ask(lambda reader: reader.value(key), None)
        except CacheUnavailableError:
            return None

    def _ask(self, question: Callable[[Reader], T], nothing: T) -> T:
        """The reader's answer, or `nothing` if the database had to be replaced."""
        with self._guard:
            handled = sys.exception()
            try:
                return question(self._reader)
            except _FAILURES as error:
                cause = root_cause(error, handled)
            if self._cache is not None and self._recover(self._cache, cause):
                return nothing
            raise CacheUnavailableError(in_words(cause)) from cause

    def _check_readable(self, reason: str) -> None:
        try:
            self._reader.total()
        except sqlite3.Error as error:
            raise CacheUnavailableError(reason) from error

    # Writing

    def _write(self, change: Callable[[Cache], object]) -> None:
        """Apply `change`, once more if the database had to be replaced; raises CacheWriteError."""
        handled = sys.exception()
        for _ in range(2):
            cache = self._open() if self._cache is None else self._cache
            try:
                change(cache)
                cache.disk.unfinished = None
                return
            except _FAILURES as error:
                cause = root_cause(error, handled)
            cache.disk.discard_unfinished()
            if not self._recover(cache, cause):
                break
        raise CacheWriteError(in_words(cause)) from cause

    def _shrink(self, limit: int, keep: str | None = None) -> Removed:
        """Remove the least recently used entries until at most `limit` bytes are left."""
        _, size = self._ask(Reader.total, (0, 0))
        if size <= limit:
            return Removed(0, 0)
        doomed = []
        for entry in self.entries():
            if size <= limit:
                break
            if entry.key != keep:
                doomed.append(entry)
                size -= entry.size
        return self._remove(doomed)

    def _remove(self, entries: list[Entry]) -> Removed:
        for entry in entries:
            self._delete(entry.key)
        return Removed(len(entries), sum(entry.size for entry in entries))

    def _delete(self, key: str) -> None:
        self._write(lambda cache: cache.delete(key))

    # Opening

    def _open(self) -> Cache:
        """The writable cache; a damaged database is replaced. Raises CacheWriteError."""
        handled = sys.exception()
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for _ in range(2):
                self._identity = repair.identity(self.directory)
                try:
                    self._cache = self._connect()
                    self._read_only = ""
                    return self._cache
                except Exception as error:
                    cause = root_cause(error, handled)
                if not repair.is_unusable(cause):
                    raise cause
                self._replace_database()
            raise cause
        except Exception as error:
            self._read_only = in_words(error)
            raise CacheWriteError(self._read_only) from error

    def _connect(self) -> Cache:
        database = self.directory / DATABASE
        with contextlib.closing(sqlite3.connect(database, LOCK_SECONDS)) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")  # for which diskcache would wait a minute
            repair.drop_foreign_settings(connection)
        return Cache(str(self.directory), **_SETTINGS)

    def _recover(self, cache: Cache, cause: BaseException) -> bool:
        """After a failure: True if the cache is usable again, though possibly empty."""
        # A failed commit leaves a transaction open, and every later one would fail.
        with contextlib.suppress(sqlite3.Error):
            cache.close()
        if not repair.is_damage(cause) and not repair.is_gone(cause):
            return False
        self._cache = None
        try:
            if repair.is_damage(cause):
                self._replace_database()
            self._open()
        except (CacheWriteError, OSError):
            return False
        return True

    def _replace_database(self) -> None:
        with repair.exclusively(self.directory):
            if repair.identity(self.directory) != self._identity:
                return  # another process has done it
            repair.move_aside(self.directory)
        self.repaired = (
            "The cache's database was damaged. It has been replaced by an empty one;"
            f" the old one is {self.directory / repair.DAMAGED}."
        )
