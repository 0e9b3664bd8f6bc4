"""The result store of many machines: an entry is a file or an object, and nothing else is kept.

An entry says itself what it is and is checked whenever it is read. Two that write one key write the
same answer, so nobody waits for anybody. Nothing is evicted: no machine knows what others still
need.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from cache.blobs import Blob, Blobs, file_name
from cache.codec import decode, encode
from cache.disk import SEAL_SIZE, seal, unseal
from cache.entries import Entry, EntryLabel, from_tag, to_tag
from cache.errors import (
    CacheError,
    CacheUnavailableError,
    CacheWriteError,
    CorruptDataError,
    CorruptEntryError,
    GoneError,
    in_words,
)
from cache.store import Info, Removed, Store

T = TypeVar("T")
F = TypeVar("F", bound=CacheError)

_LENGTH_SIZE = 4
# Enough for a label: the store keeps 200 characters of the prompt.
_HEAD_SIZE = 4096
# Nobody takes longer to write one entry.
_STALE = timedelta(days=1)


class SharedStore:
    """Results in `Blobs`. Its methods may be called from any thread.

    Args:
        blobs: Where they lie.
        near: Keeps copies of what was read, on this machine; None where reading is quick anyway.

    Attributes:
        address: Where they lie, in words that open it anywhere.
        repaired: Always empty: nothing here can need repair as a whole.
    """

    def __init__(self, blobs: Blobs, near: Store | None = None) -> None:
        self._blobs, self._near = blobs, near
        self.address, self.repaired = blobs.place, ""

    def get(self, key: str, expected: type[T]) -> T | None:
        """The value stored under `key`; None if there is none.

        Raises:
            CorruptEntryError: The entry is damaged or not of type `expected`. It stays until `put`
                replaces it: another machine may have done so by now.
            CacheUnavailableError: It cannot be read now.
        """
        copy = self._copy(key, expected)
        if copy is not None:
            return copy
        try:
            data = self._blobs.read(file_name(key))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _error(CacheUnavailableError, error) from error
        try:
            tag, payload = _unpack(unseal(key, data))
            value = decode(payload, expected)
        except CorruptDataError as damage:
            raise CorruptEntryError(f"A stored result was damaged: {damage}.") from damage
        self._keep_copy(key, value, from_tag(tag) or EntryLabel(""))
        return value

    def has(self, key: str) -> bool:
        """Whether something is stored under `key`, which is not read, and may be damaged."""
        if self._near is not None and self._near.has(key):
            return True
        try:
            return self._blobs.has(file_name(key))
        except OSError:
            return False

    def put(self, key: str, value: object, *, label: EntryLabel) -> None:
        """Store `value`, anything `codec.encode` accepts; raises CacheWriteError, saying why."""
        tag = to_tag(label).encode()
        data = seal(key, b"".join((len(tag).to_bytes(_LENGTH_SIZE), tag, encode(value))))
        try:
            self._blobs.write(file_name(key), data)
        except OSError as error:
            raise _error(CacheWriteError, error) from error
        self._keep_copy(key, value, label)

    def entries(self) -> list[Entry]:
        """All entries, the oldest first. Reads the beginning of each."""
        found = self._listing()
        try:
            heads = self._blobs.heads([each.name for each in found], _HEAD_SIZE)
        except OSError as error:
            raise _error(CacheUnavailableError, error) from error
        return [
            Entry(each.name.rpartition("/")[2], _label(head), each.size, each.written, None)
            for each, head in zip(found, heads, strict=True)
        ]

    def info(self) -> Info:
        """Where it is and its size; it has no limit. Raises CacheUnavailableError."""
        found = self._listing()
        size = sum(each.size for each in found)
        return Info(self.address, len(found), size, None, self._blobs.read_only())

    def prune(
        self, *, max_bytes: int | None = None, older_than: timedelta | None = None
    ) -> Removed:
        """Remove entries written longer ago than `older_than`, then the oldest to `max_bytes`.

        Raises:
            CacheWriteError: Not everything could be removed.
            CacheUnavailableError: The cache cannot be read now.
        """
        found = self._listing()
        now = datetime.now(UTC)
        left = sum(each.size for each in found)
        doomed = []
        for each in found:
            is_old = older_than is not None and each.written < now - older_than
            if is_old or (max_bytes is not None and left > max_bytes):
                doomed.append(each)
                left -= each.size
        return self._remove(doomed, now - _STALE)

    def clear(self) -> Removed:
        """Remove everything, also what others are writing just now.

        Raises:
            CacheWriteError: Not everything could be removed.
            CacheUnavailableError: The cache cannot be read now.
        """
        return self._remove(self._listing(), datetime.now(UTC))

    def close(self) -> None:
        if self._near is not None:
            self._near.close()

    def _listing(self) -> list[Blob]:
        try:
            return sorted(self._blobs.listing(), key=lambda each: (each.written, each.name))
        except OSError as error:
            raise _error(CacheUnavailableError, error) from error

    def _remove(self, doomed: list[Blob], before: datetime) -> Removed:
        if self._near is not None:
            # The copies of this machine; other machines keep theirs.
            self._near.clear()
        try:
            self._blobs.remove([each.name for each in doomed])
            self._blobs.sweep(before)
        except OSError as error:
            raise _error(CacheWriteError, error) from error
        return Removed(len(doomed), sum(each.size for each in doomed))

    # Copies: an answer under a key never changes, so that one never goes out of date.

    def _copy(self, key: str, expected: type[T]) -> T | None:
        try:
            return None if self._near is None else self._near.get(key, expected)
        except CacheError:
            return None

    def _keep_copy(self, key: str, value: object, label: EntryLabel) -> None:
        if self._near is not None:
            with contextlib.suppress(CacheError):
                self._near.put(key, value, label=label)


def _unpack(payload: memoryview) -> tuple[bytes, memoryview]:
    """The label as it was stored, and the encoded value."""
    start = _LENGTH_SIZE + int.from_bytes(payload[:_LENGTH_SIZE])
    if start > len(payload):
        raise CorruptDataError("it is cut short")
    return bytes(payload[_LENGTH_SIZE:start]), payload[start:]


def _label(head: bytes) -> EntryLabel | None:
    """The label in the beginning of an entry, which is not checked; None if it is damaged."""
    try:
        tag, _ = _unpack(memoryview(head)[SEAL_SIZE:])
    except CorruptDataError:
        return None
    return from_tag(tag)


def _error(kind: type[F], error: OSError) -> F:
    remedy = GoneError.remedy if isinstance(error, GoneError) else ""
    return kind(in_words(error), remedy)
