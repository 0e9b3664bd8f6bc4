"""Which store an address means, and what every store can do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from cache.address import is_shared
from cache.entries import Entry, EntryLabel
from cache.store import DEFAULT_SIZE_LIMIT, Info, Removed, Store

T = TypeVar("T")


class ResultStore(Protocol):
    """Results by key: `Store` on this machine, `SharedStore` for many."""

    address: str
    repaired: str

    def get(self, key: str, expected: type[T]) -> T | None:
        """The value stored under `key`; CorruptEntryError if it was damaged, and it is dropped."""

    def has(self, key: str) -> bool:
        """Whether something is stored under `key`."""

    def put(self, key: str, value: object, *, label: EntryLabel) -> None:
        """Store a value; CacheWriteError if that fails."""

    def entries(self) -> list[Entry]:
        """All entries; CacheUnavailableError if they cannot be read."""

    def info(self) -> Info:
        """Where it is and how large."""

    def prune(
        self, *, max_bytes: int | None = None, older_than: timedelta | None = None
    ) -> Removed:
        """Remove old entries."""

    def clear(self) -> Removed:
        """Remove everything."""

    def close(self) -> None:
        """Let go of files."""


def open_at(address: str, *, size_limit: int = DEFAULT_SIZE_LIMIT) -> ResultStore:
    """The store at a folder or an address.

    Args:
        address: A folder of this machine, or an address with ``://``.
        size_limit: Bytes, of a store on this machine.

    Raises:
        CacheUnavailableError: It can be neither written nor read.
    """
    if is_shared(address):
        # Imported here: most caches are folders of this machine.
        from cache.shared import SharedStore

        return SharedStore(address)
    return Store(Path(address).expanduser(), size_limit=size_limit)
