"""A result store for many machines: an object store or a folder that they share, through fsspec.

Every result is one object, under its key, whole or absent; nothing is locked and there is no
database, since SQLite's locks do not hold over networks. Two who compute the same write the same.
Nothing is evicted: how large it may become is for its owner to say.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from cache.codec import decode, encode
from cache.disk import seal, unseal
from cache.entries import Entry, EntryLabel, from_tag, to_tag
from cache.errors import (
    CacheUnavailableError,
    CacheWriteError,
    CorruptDataError,
    CorruptEntryError,
    in_words,
)
from cache.store import Info, Removed

T = TypeVar("T")

_SUFFIX = ".result"
_TAG_LENGTH = struct.Struct(">I")
_LONGEST_TAG = 4096


class SharedStore:
    """A store at an address such as ``s3://bucket/folder`` or ``file:///mnt/shared``.

    Its methods may be called from any thread.

    Attributes:
        address: Where it is.
        repaired: Always empty: nothing here can need repair as a whole.
    """

    def __init__(self, address: str) -> None:
        """Open it; CacheUnavailableError if it cannot be reached or a package for it is missing."""
        # Imported here: most caches are folders of this machine.
        import fsspec

        self.address = address.rstrip("/")
        self.repaired = ""
        protocol = address.partition("://")[0]
        try:
            # A listing that was kept would hide what others have stored since.
            options = {"use_listings_cache": False, "skip_instance_cache": True}
            if protocol in ("file", "local", "memory"):
                options = {}
            self._files, self._root = fsspec.core.url_to_fs(self.address, **options)
            self._moves = protocol in ("file", "local")
            if self._moves:
                self._files.makedirs(self._root, exist_ok=True)
            self._files.exists(self._root)
        except ImportError as error:
            raise CacheUnavailableError(
                f"{protocol}:// needs a package that is not installed: {error}."
            ) from error
        except Exception as error:
            # Every client has errors of its own.
            raise CacheUnavailableError(in_words(error)) from error

    def get(self, key: str, expected: type[T]) -> T | None:
        """The value stored under `key`; None if there is none or it cannot be read now.

        Raises:
            CorruptEntryError: It was damaged or not of type `expected`; it is dropped.
        """
        try:
            data: bytes = self._files.cat_file(self._path(key))
        except Exception:
            return None
        try:
            return decode(unseal(key, _sealed(data)), expected)
        except CorruptDataError as damage:
            with suppress(Exception):
                self._files.rm_file(self._path(key))
            raise CorruptEntryError(f"A stored result was damaged: {damage}.") from damage

    def has(self, key: str) -> bool:
        """Whether something is stored under `key`, which is not read, and may be damaged."""
        try:
            return bool(self._files.exists(self._path(key)))
        except Exception:
            return False

    def put(self, key: str, value: object, *, label: EntryLabel) -> None:
        """Store `value`, anything `codec.encode` accepts; raises CacheWriteError, saying why."""
        tag = to_tag(label).encode()
        data = b"".join((_TAG_LENGTH.pack(len(tag)), tag, seal(key, encode(value))))
        path = self._path(key)
        with self._changing():
            if not self._moves:
                # A store of objects shows an object when it is whole.
                self._files.pipe_file(path, data)
                return
            part = f"{path}.{uuid.uuid4().hex}.part"
            try:
                self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
                self._files.pipe_file(part, data)
                self._files.mv(part, path)
            except OSError:
                with suppress(OSError):
                    self._files.rm_file(part)
                raise

    def entries(self) -> list[Entry]:
        """All entries, the oldest first; none is decoded. Raises CacheUnavailableError."""
        found = []
        for path, about in self._listed():
            key = path.rpartition("/")[2].removesuffix(_SUFFIX)
            moment = _moment(about)
            found.append(Entry(key, self._label(path), int(about["size"]), moment, moment))
        return sorted(found, key=lambda entry: entry.created)

    def info(self) -> Info:
        """Address and size; it has no limit. Raises CacheUnavailableError if unreadable now."""
        sizes = [int(about["size"]) for _, about in self._listed()]
        return Info(self.address, len(sizes), sum(sizes), None, "")

    def prune(
        self, *, max_bytes: int | None = None, older_than: timedelta | None = None
    ) -> Removed:
        """Remove entries stored longer ago than `older_than`, then the oldest down to `max_bytes`.

        Raises:
            CacheWriteError: Not everything could be removed.
            CacheUnavailableError: The cache cannot be read now.
        """
        listed = sorted(self._listed(), key=lambda each: _moment(each[1]))
        size = sum(int(about["size"]) for _, about in listed)
        oldest = datetime.now(UTC) - older_than if older_than is not None else None
        count = removed = 0
        for path, about in listed:
            too_old = oldest is not None and _moment(about) < oldest
            if too_old or (max_bytes is not None and size - removed > max_bytes):
                with self._changing():
                    self._files.rm_file(path)
                count, removed = count + 1, removed + int(about["size"])
        return Removed(count, removed)

    def clear(self) -> Removed:
        """Remove every result; raises as `prune`."""
        return self.prune(max_bytes=0)

    def close(self) -> None:
        """There is nothing to close."""

    def _path(self, key: str) -> str:
        return f"{self._root}/{key[:2]}/{key}{_SUFFIX}"

    def _label(self, path: str) -> EntryLabel | None:
        with suppress(Exception):
            head: bytes = self._files.cat_file(path, start=0, end=_TAG_LENGTH.size + _LONGEST_TAG)
            (length,) = _TAG_LENGTH.unpack_from(head)
            return from_tag(head[_TAG_LENGTH.size :][:length].decode())
        return None

    def _listed(self) -> list[tuple[str, dict[str, Any]]]:
        try:
            found: dict[str, dict[str, Any]] = self._files.find(self._root, detail=True)
        except Exception as error:
            raise CacheUnavailableError(in_words(error)) from error
        return [(path, about) for path, about in found.items() if path.endswith(_SUFFIX)]

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise CacheWriteError(in_words(error)) from error


def _sealed(data: bytes) -> bytes:
    """What follows the label; CorruptDataError if the data is cut."""
    if len(data) < _TAG_LENGTH.size:
        raise CorruptDataError("it is cut")
    (length,) = _TAG_LENGTH.unpack_from(data)
    return data[_TAG_LENGTH.size + length :]


def _moment(about: dict[str, Any]) -> datetime:
    """When a file was stored: each file system has a name and a type of its own for it."""
    value = next(
        (about[name] for name in ("mtime", "LastModified", "updated", "created") if name in about),
        0.0,
    )
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(value, UTC)
