"""How a value lies on disk: sealed bytes in a row or in a file of their own, never a pickle.

diskcache's own `Disk` unpickles whatever a row says is a pickle, so that anybody who can write to
the folder can run code (CVE-2025-69872), and removes whatever path a row names.
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
_SEAL_SIZE = len(_MAGIC) + _DIGEST_SIZE

_FILE_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{28}\.val")
_ATTEMPTS = 10


def seal(key: str, payload: bytes) -> bytes:
    """`payload` behind a magic number and a checksum over the key and itself."""
    return b"".join((_MAGIC, _checksum(key, payload), payload))


def unseal(key: str, data: bytes) -> memoryview:
    """The payload that was sealed under `key`.

    Raises:
        CorruptDataError: Something has changed since, or it was sealed under another key.
    """
    if data[: len(_MAGIC)] != _MAGIC:
        raise CorruptDataError("not an entry of this program's cache")
    payload = memoryview(data)[_SEAL_SIZE:]
    if data[len(_MAGIC) : _SEAL_SIZE] != _checksum(key, payload):
        raise CorruptDataError("the checksum differs")
    return payload


def _checksum(key: str, payload: bytes | memoryview) -> bytes:
    digest = hashlib.blake2b(key.encode(), digest_size=_DIGEST_SIZE)
    digest.update(payload)
    return digest.digest()


class BytesDisk(Disk):  # type: ignore[misc]  # diskcache has no type information
    """Stores bytes under strings and refuses everything else, in both directions.

    Attributes:
        unfinished: The file of the value stored last, until its row is known to be committed.
    """

    unfinished: str | None = None

    def put(self, key: object) -> tuple[str, bool]:
        """The key as it stands in its row."""
        if type(key) is not str:
            raise TypeError("keys are strings")
        return key, True

    def get(self, key: object, raw: bool) -> str:
        """The key that a row holds."""
        if type(key) is not str or not raw:
            raise CorruptDataError("a key that is not a string")
        return key

    def store(
        self, value: object, read: bool, key: object = UNKNOWN
    ) -> tuple[int, int, str | None, bytes | None]:
        """Size, mode, file name and value of a row; long values go into a file.

        Raises:
            OSError: The file cannot be written; nothing is left of it.
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
            CorruptDataError: The row holds anything but bytes, a pickle for example.
            OSError: Its file cannot be read, perhaps because another process has evicted it.
        """
        if mode == MODE_RAW and type(value) is bytes:
            return value
        if mode == MODE_BINARY and _is_ours(filename):
            return Path(self._directory, str(filename)).read_bytes()
        raise CorruptDataError("neither bytes nor a file of the cache")

    def remove(self, file_path: object) -> None:
        """Remove the file of a row, and nothing that only claims to be one."""
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
                # Level by level: a cache folder that has been deleted is not to be created here.
                for folder in (path.parent.parent, path.parent):
                    folder.mkdir(mode=0o700, exist_ok=True)
                file = path.open("xb")
                break
            except FileNotFoundError:
                # Another process has removed a folder that was still empty.
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
    """All files that hold a value, whether or not a row names them."""
    files = directory.glob("??/??/*.val")
    return [path for path in files if _is_ours(path.relative_to(directory).as_posix())]


def _is_ours(name: object) -> bool:
    return type(name) is str and _FILE_NAME.fullmatch(name) is not None
