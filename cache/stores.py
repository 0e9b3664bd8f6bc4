"""Which store an address means, and what every store can do."""

from __future__ import annotations

import contextlib
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from cache.address import folder_at, is_shared, protocol_of
from cache.blobs import RESULTS
from cache.entries import Entry, EntryLabel
from cache.errors import CacheError
from cache.folder import Folder
from cache.networks import is_on_network
from cache.shared import SharedStore
from cache.store import DEFAULT_SIZE_LIMIT, Info, Removed, Store

T = TypeVar("T")


class ResultStore(Protocol):
    """Results by key: `Store` on this machine, `SharedStore` for many."""

    address: str
    repaired: str

    def get(self, key: str, expected: type[T]) -> T | None:
        """The value stored under `key`; None if there is none.

        Raises:
            CorruptEntryError: It was damaged, or not of type `expected`.
            CacheUnavailableError: It cannot be read now, or nobody knows whether it is there.
        """

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


def open_at(
    address: str, *, size_limit: int = DEFAULT_SIZE_LIMIT, copies: Path | None = None
) -> ResultStore:
    """The store at a folder or an address.

    Nobody has to say that a folder is shared. It is if it lies on a network file system, or if
    somebody shared it before; ``file://`` makes one of any other.

    Args:
        address: A folder of this machine, or an address with ``://``.
        size_limit: Bytes, of a store on this machine.
        copies: A folder on this machine for copies of what is read from elsewhere; None for none.

    Raises:
        CacheAddressError: Nothing that is installed can use the address.
        CacheUnavailableError: It can be neither written nor read.
    """
    folder = folder_at(address) if is_shared(address) else Path(address).expanduser().absolute()
    if folder is None:
        return _elsewhere(address, copies)
    if is_shared(address) or (folder / RESULTS).is_dir() or is_on_network(folder):
        return SharedStore(Folder(folder))
    return Store(folder, size_limit=size_limit)


def _elsewhere(address: str, copies: Path | None) -> ResultStore:
    # Imported here: most caches are folders.
    from cache.objects import Objects

    objects = Objects(address)
    near = None
    # On a network file system the copies' database would have no locks, and not be near.
    if copies is not None and protocol_of(address) != "memory" and not is_on_network(copies):
        # One folder an address: what is copied from one is not taken to be in another.
        name = hashlib.sha256(address.encode()).hexdigest()[:16]
        with contextlib.suppress(CacheError):
            near = Store(copies / name)
    return SharedStore(objects, near)
