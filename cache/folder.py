"""A folder that many processes and machines write at once, on a network file system or not.

The files are all the truth there is: no database, whose locks other machines may not see. A file
gets its name once it is complete, by a rename, which every such file system makes at once or not.
"""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cache.blobs import RESULTS, Blob
from cache.errors import CacheUnavailableError, GoneError, in_words

_UNFINISHED = ".unfinished"
_ATTEMPTS = 3


class Folder:
    """The entries in a folder, as files in `RESULTS`."""

    def __init__(self, directory: Path) -> None:
        """Make the folder if it is missing; CacheUnavailableError if it cannot be made or read.

        It and what is made in it belong to whom the user's umask, or the folder's own mode, says.
        """
        self.place = str(directory)
        self._root = directory
        self._results = directory / RESULTS
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._make(self._results)
        except OSError as error:
            if not self._results.is_dir():
                raise CacheUnavailableError(in_words(error)) from error

    def read(self, name: str) -> bytes:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return (self._results / name).read_bytes()
            except FileNotFoundError:
                self._check_there()
                raise
            except OSError as error:
                # NFS: another machine replaced the file while this one had it open.
                if error.errno != errno.ESTALE or attempt == _ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def has(self, name: str) -> bool:
        return (self._results / name).is_file()

    def write(self, name: str, data: bytes) -> None:
        path = self._results / name
        unfinished = path.parent / f"{uuid.uuid4().hex}{_UNFINISHED}"
        try:
            try:
                file = unfinished.open("xb")
            except FileNotFoundError:
                # One level alone: what was removed or unmounted meanwhile is not made again here,
                # on the disk beneath.
                self._make(path.parent)
                file = unfinished.open("xb")
            with file:
                file.write(data)
            self._rename(unfinished, path, len(data))
        except OSError as error:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            if isinstance(error, FileNotFoundError):
                self._check_there()
            raise

    def listing(self) -> list[Blob]:
        return [
            Blob(f"{path.parent.name}/{path.name}", stat.st_size, _moment(stat))
            for path, stat in self._files()
            if path.suffix != _UNFINISHED
        ]

    def heads(self, names: Sequence[str], size: int) -> list[bytes]:
        return [self._head(name, size) for name in names]

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            (self._results / name).unlink(missing_ok=True)

    def sweep(self, before: datetime) -> None:
        for path, stat in self._files():
            if path.suffix == _UNFINISHED and _moment(stat) < before:
                path.unlink(missing_ok=True)

    def read_only(self) -> str:
        writable = os.access(self._results, os.W_OK | os.X_OK)
        return "" if writable else "The disk or the folder is read-only."

    def _make(self, folder: Path) -> None:
        """Make one folder, which whoever may write to the cache's own may write to."""
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            with contextlib.suppress(OSError):
                folder.chmod(self._root.stat().st_mode & 0o7777)

    @staticmethod
    def _rename(unfinished: Path, path: Path, size: int) -> None:
        try:
            unfinished.replace(path)
        except FileNotFoundError:
            # NFS: the answer to a rename got lost, and the second attempt found nothing to rename.
            if not (path.is_file() and path.stat().st_size == size):
                raise

    def _head(self, name: str, size: int) -> bytes:
        try:
            with (self._results / name).open("rb") as file:
                return file.read(size)
        except OSError:
            return b""

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        try:
            folders = [Path(each.path) for each in os.scandir(self._results) if each.is_dir()]
        except FileNotFoundError:
            self._check_there()
            raise
        for folder in folders:
            with contextlib.suppress(FileNotFoundError):
                for each in os.scandir(folder):
                    with contextlib.suppress(FileNotFoundError):
                        yield Path(each.path), each.stat()

    def _check_there(self) -> None:
        if not self._results.is_dir():
            raise GoneError


def _moment(stat: os.stat_result) -> datetime:
    return datetime.fromtimestamp(stat.st_mtime, UTC)
