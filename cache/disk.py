"""How values are stored on disk: sealed bytes in a row or in their own file, never a pickle.

diskcache's own `Disk` unpickles any row marked as a pickle, so anyone who can write to the folder
can run code (CVE-2025-69872). It also deletes whatever path a row names.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from pathlib import Path

from diskcache import UNKNOWN, Disk
from diskcache.core import MODE_BINARY, MODE_RAW

from cache.errors import CorruptDataError

_MAGIC = b"insttui\x01"
_DIGEST_SIZE = 16
SEAL_SIZE = len(_MAGIC) + _DIGEST_SIZE

_FILE_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{28}\.val")
_ATTEMPTS = 10


def seal(key: str, payload: bytes) -> bytes:
    """Prefix `payload` with a magic number and a checksum over the key and the payload."""
    return b"".join((_MAGIC, _checksum(key, payload), payload))


def unseal(key: str, data: bytes) -> memoryview:
    """The payload that was sealed under `key`; raises CorruptDataError for any other data."""
    if data[: len(_MAGIC)] != _MAGIC:
        raise CorruptDataError("not an entry of this program's cache")
    payload = memoryview(data)[SEAL_SIZE:]
    if data[len(_MAGIC) : SEAL_SIZE] != _checksum(key, payload):
        raise CorruptDataError("the checksum differs")
    return payload


def _checksum(key: str, payload: bytes | memoryview) -> bytes:
    digest = hashlib.blake2b(key.encode(), digest_size=_DIGEST_SIZE)
    digest.update(payload)
    return digest.digest()


class BytesDisk(Disk):  # type: ignore[misc]  # diskcache has no type information
    """Stores bytes under string keys and refuses everything else, in both directions.

    Attributes:
        unfinished: The file of the last stored value, until its row is known to be committed.
    """

    unfinished: str | None = None

    def put(self, key: object) -> tuple[str, bool]:
        """The key as stored in its row."""
        if type(key) is not str:
            raise TypeError("keys are strings")
        return key, True

    def get(self, key: object, raw: bool) -> str:
        """The key read from a row."""
        if type(key) is not str or not raw:
            raise CorruptDataError("a key that is not a string")
        return key

    def store(
        self, value: object, read: bool, key: object = UNKNOWN
    ) -> tuple[int, int, str | None, bytes | None]:
        """Size, mode, file name and value for a row; long values go into a file.

        Raises OSError if it cannot be written; no partial file is left behind.
        """
        if type(value) is not bytes or read:
            raise TypeError("values are bytes")
        if len(value) < self.min_file_size:
            return len(value), MODE_RAW, None, value
        name, path = self.filename()
        self.unfinished = name
        self._write_file(Path(path), value)
        return len(value), MODE_BINARY, name, None

    def fetch(self, mode: object, filename: object, value: object, read: bool) -> bytes:
        """The value of a row.

        Raises:
            CorruptDataError: The row holds anything but bytes, for example a pickle.
            OSError: The file cannot be read, perhaps because another process has evicted it.
        """
        if mode == MODE_RAW and type(value) is bytes:
            return value
        if mode == MODE_BINARY and _is_ours(filename):
            return Path(self._directory, str(filename)).read_bytes()
        raise CorruptDataError("neither bytes nor a file of the cache")

    def remove(self, file_path: object) -> None:
        """Remove a row's file, but only if the path really is a value file of this cache."""
        if _is_ours(file_path):
            super().remove(file_path)

    def discard_unfinished(self) -> None:
        """Remove the file of a value whose row was not committed."""
        if self.unfinished is not None:
            self.remove(self.unfinished)
            self.unfinished = None

    def _write_file(self, path: Path, data: bytes) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                # One level at a time: if the cache folder was deleted, do not recreate it here.
                for folder in (path.parent.parent, path.parent):
                    folder.mkdir(mode=0o700, exist_ok=True)
                file = path.open("xb")
                break
            except FileNotFoundError:
                # Another process removed the folder while it was still empty.
                if attempt == _ATTEMPTS:
                    raise
        try:
            with file:
                file.write(data)
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()
            raise


def value_files(directory: Path) -> list[Path]:
    """All value files, whether or not a row refers to them."""
    files = directory.glob("??/??/*.val")
    return [path for path in files if _is_ours(path.relative_to(directory).as_posix())]


def _is_ours(name: object) -> bool:
    return type(name) is str and _FILE_NAME.fullmatch(name) is not None
