"""An object store, or whatever else fsspec has a file system for, by its address.

fsspec is imported only where an address is given. The file system of a protocol, such as s3fs, is
the user's to install.
"""

from __future__ import annotations

import contextlib
import importlib.util
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

from cache.address import protocol_of
from cache.blobs import RESULTS, Blob
from cache.errors import CacheAddressError, GoneError

T = TypeVar("T")

# Here one PUT is visible whole or not at all, and a rename would be a copy.
_AT_ONCE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "memory"}
_UNFINISHED = ".unfinished"
_AT_A_TIME = 256
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")


def check_address(address: str) -> None:
    """Raise CacheAddressError unless something that is installed knows the protocol."""
    from fsspec import get_filesystem_class
    from fsspec.registry import known_implementations, registry

    protocol = protocol_of(address)
    if protocol in registry:
        return
    if protocol not in known_implementations:
        raise CacheAddressError(
            f"Nothing here knows the protocol {protocol!r}.",
            "Give a folder, or an address such as s3://bucket/path or gs://bucket/path.",
        )
    package = known_implementations[protocol]["class"].partition(".")[0]
    if package == "fsspec":
        try:
            get_filesystem_class(protocol)
        except ImportError as error:
            raise CacheAddressError(f"{error}.", "Install that package.") from error
    elif importlib.util.find_spec(package) is None:
        raise CacheAddressError(
            f"{protocol}:// needs the package {package}, which is not installed.",
            f"Install it: pip install {package}.",
        )


class Objects:
    """The entries at an address, as objects beneath `RESULTS`."""

    def __init__(self, address: str) -> None:
        """Take an address as its place; it is not looked up yet.

        Raises CacheAddressError if it cannot be used.
        """
        check_address(address)
        self.place = address
        self._at_once = protocol_of(address) in _AT_ONCE

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system, and where the entries are in it."""
        from fsspec.core import url_to_fs

        system, root = url_to_fs(self.place)
        return system, f"{root.rstrip('/')}/{RESULTS}"

    def read(self, name: str) -> bytes:
        data: bytes = self._try(lambda system, root: system.cat_file(f"{root}/{name}"))
        return data

    def has(self, name: str) -> bool:
        try:
            # Not `exists`, which takes an address that cannot be reached for an empty one.
            self._try(lambda system, root: system.info(f"{root}/{name}"))
        except FileNotFoundError:
            return False
        return True

    def write(self, name: str, data: bytes) -> None:
        try:
            self._try(lambda system, root: self._write(system, f"{root}/{name}", data))
        except FileNotFoundError as error:
            raise GoneError("There is no such bucket or folder") from error

    def _write(self, system: Any, path: str, data: bytes) -> None:
        if self._at_once:
            system.pipe_file(path, data)
            return
        folder = path.rpartition("/")[0]
        system.makedirs(folder, exist_ok=True)
        unfinished = f"{folder}/{uuid.uuid4().hex}{_UNFINISHED}"
        try:
            system.pipe_file(unfinished, data)
            try:
                system.mv(unfinished, path)
            except FileExistsError:
                # Some rename onto nothing that is there: another writer's, or a damaged one.
                system.rm_file(path)
                system.mv(unfinished, path)
        except Exception:
            with contextlib.suppress(Exception):
                system.rm_file(unfinished)
            raise

    def listing(self) -> list[Blob]:
        found = [each for each in self._found() if not each.name.endswith(_UNFINISHED)]
        return [each for each in found if each.name.count("/") == 1]

    def heads(self, names: Sequence[str], size: int) -> list[bytes]:
        found: list[bytes] = []
        for start in range(0, len(names), _AT_A_TIME):
            some = names[start : start + _AT_A_TIME]
            found += self._try(lambda system, root, some=some: _heads(system, root, some, size))
        return found

    def remove(self, names: Sequence[str]) -> None:
        for start in range(0, len(names), _AT_A_TIME):
            some = names[start : start + _AT_A_TIME]
            self._try(lambda system, root, some=some: _remove(system, root, some))

    def sweep(self, before: datetime) -> None:
        if not self._at_once:
            left = [each for each in self._found() if each.name.endswith(_UNFINISHED)]
            self.remove([each.name for each in left if each.written < before])

    def read_only(self) -> str:
        return ""

    def _found(self) -> list[Blob]:
        try:
            return self._try(_listing)
        except FileNotFoundError:
            return []

    def _try(self, act: Callable[..., T]) -> T:
        """Have something done; whatever goes wrong is an OSError."""
        try:
            return act(*self._opened)
        except OSError:
            raise
        except Exception as error:
            # Each file system has errors of its own, such as missing credentials.
            raise OSError(f"{type(error).__name__}: {error}".rstrip(".")) from error


def _listing(system: Any, root: str) -> list[Blob]:
    # What other machines wrote since is not in a listing that it remembers.
    system.invalidate_cache()
    found: dict[str, dict[str, Any]] = system.find(root, detail=True)
    system.invalidate_cache()
    # Some write the protocol before a name, or a slash.
    return [
        Blob(name.rpartition(f"{RESULTS}/")[2], int(facts.get("size") or 0), _moment(facts))
        for name, facts in found.items()
    ]


def _heads(system: Any, root: str, names: Sequence[str], size: int) -> list[bytes]:
    paths = [f"{root}/{name}" for name in names]
    count = len(paths)
    read = system.cat_ranges(paths, [0] * count, [size] * count, on_error="return")
    return [each if isinstance(each, bytes) else b"" for each in read]


def _remove(system: Any, root: str, names: Sequence[str]) -> None:
    try:
        system.rm([f"{root}/{name}" for name in names])
    except FileNotFoundError:
        # Somebody else removed one of them meanwhile.
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                system.rm_file(f"{root}/{name}")


def _moment(facts: dict[str, Any]) -> datetime:
    """When an object was written; the beginning of time if its store does not say."""
    given = next((facts[name] for name in _TIMES if facts.get(name) is not None), 0)
    try:
        if isinstance(given, str):
            given = datetime.fromisoformat(given)
        if isinstance(given, datetime):
            return given if given.tzinfo else given.replace(tzinfo=UTC)
        return datetime.fromtimestamp(given, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
