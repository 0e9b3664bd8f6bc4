"""What keeps results, wherever that is: `Store` on this machine's disk, `SharedStore` for many."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from cache.entries import Entry, EntryLabel

T = TypeVar("T")


class Info(NamedTuple):
    """A cache's folder or address, its size in bytes, and its limit, None for no limit.

    `read_only` says why nothing can be written; it is empty if that is possible.
    """

    directory: Path | str
    entries: int
    bytes: int
    size_limit: int | None
    read_only: str


class Removed(NamedTuple):
    """What `prune` and `clear` removed: number of entries and bytes of values."""

    entries: int
    bytes: int


class Results(Protocol):
    """Stored results by key. Every method may be called from any thread."""

    @property
    def repaired(self) -> str:
        """What the user should know of how it was opened; may be empty."""

    def get(self, key: str, expected: type[T]) -> T | None:
        """The value stored under `key`; None if there is none.

        Raises:
            CorruptEntryError: The entry was damaged or not of type `expected`.
            CacheUnavailableError: It cannot be read now.
        """

    def has(self, key: str) -> bool:
        """Whether something is stored under `key`, which is not read, and may be damaged."""

    def put(self, key: str, value: object, *, label: EntryLabel) -> None:
        """Store `value`, anything `codec.encode` accepts; raises CacheWriteError, saying why."""

    def entries(self) -> list[Entry]:
        """All entries, those to be removed first at the front; raises CacheUnavailableError."""

    def info(self) -> Info:
        """Where it is, its size and its limit; raises CacheUnavailableError."""

    def prune(
        self, *, max_bytes: int | None = None, older_than: timedelta | None = None
    ) -> Removed:
        """Remove entries older than `older_than`, then others down to `max_bytes`.

        Raises CacheWriteError or CacheUnavailableError.
        """

    def clear(self) -> Removed:
        """Remove everything; raises CacheWriteError or CacheUnavailableError."""

    def close(self) -> None:
        """Let go of files and connections."""
