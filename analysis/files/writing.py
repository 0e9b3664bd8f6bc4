"""Writes files atomically, and checks beforehand whether they can be written.

A result that takes a night to compute must not be lost at the end because a folder is read-only,
and must not replace an older result before it is complete.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    r"""A text stream that replaces a file once all of it is written.

    UTF-8, line ends unchanged; a lone surrogate, which UTF-8 cannot encode, becomes ``\ud800``. The
    text goes to a temporary file in the same folder, which is deleted if the block fails. A link
    stays a link. Pipes and devices are written to directly.

    Raises:
        OSError: It cannot be written.
    """
    with whole_bytes(path) as stream:
        text = io.TextIOWrapper(
            stream, encoding="utf-8", errors="backslashreplace", newline="", write_through=True
        )
        try:
            yield text
        finally:
            # All text has been written through; later errors are the stream's to report.
            text.detach()


def reason(error: OSError) -> str:
    """Why writing failed, and where; errors of `check_file` and `check_folder` name the path."""
    words = error.strerror or str(error)
    return f"{words}: {error.filename}" if error.filename else words


def check_file(path: Path) -> None:
    """Return if `whole_file` could write `path`; changes nothing and leaves nothing behind.

    Raises:
        OSError: It could not.
    """
    if path.is_dir():
        raise _error(errno.EISDIR, path)
    if _is_device(path):
        if not os.access(path, os.W_OK):
            raise _error(errno.EACCES, path)
        return
    target = _target(path)
    try:
        beside, descriptor = _new_file(target)
    except OSError as error:
        if not _can_be_overwritten(target):
            raise _error(error.errno or errno.EIO, target.parent) from None
    else:
        os.close(descriptor)
        beside.unlink()


def check_folder(folder: Path) -> None:
    """Return if files could be written to a folder that exists or could be created.

    Raises:
        OSError: They could not.
    """
    there = folder
    while not there.exists():
        if there.is_symlink():
            raise _error(errno.ENOENT, there)
        there = there.parent
    if not there.is_dir():
        raise _error(errno.ENOTDIR, there)
    try:
        Path(tempfile.mkdtemp(prefix=".insttui-", dir=there)).rmdir()
    except OSError as error:
        raise _error(error.errno or errno.EIO, there) from None


@contextmanager
def whole_bytes(path: Path) -> Iterator[BinaryIO]:
    """A stream of bytes that replaces a file as `whole_file` does; raises OSError."""
    if _is_device(path):
        with path.open("wb") as stream:
            yield stream
        return
    target = _target(path)
    try:
        beside, descriptor = _new_file(target)
    except OSError:
        if not _can_be_overwritten(target):
            raise
        # The file is writable but its folder is not.
        with tempfile.TemporaryFile() as spare:
            yield spare
            spare.seek(0)
            with target.open("wb") as stream:
                shutil.copyfileobj(spare, stream)
        return
    try:
        with os.fdopen(descriptor, "wb") as stream:
            with suppress(OSError):
                os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode))
            yield stream
            stream.flush()
            os.fsync(descriptor)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _target(path: Path) -> Path:
    """The file itself if `path` is a link.

    Raises:
        OSError: The name is invalid, or the links form a cycle.
    """
    with suppress(FileNotFoundError):
        path.stat()
    return Path(os.path.realpath(path))


def _new_file(target: Path) -> tuple[Path, int]:
    """A new file next to `target` with default permissions, and its descriptor."""
    while True:
        beside = target.with_name(f".insttui-{secrets.token_hex(4)}.part")
        with suppress(FileExistsError):
            return beside, os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)


def _is_device(path: Path) -> bool:
    """Whether it cannot be replaced: a pipe, a device, or a file descriptor's path."""
    parts = path.absolute().parts
    if parts[:2] == ("/", "proc") or parts[:3] in (("/", "dev", "fd"), ("/", "dev", "stdout")):
        return True
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _can_be_overwritten(target: Path) -> bool:
    return target.is_file() and os.access(target, os.W_OK)


def _error(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))
