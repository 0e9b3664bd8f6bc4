"""Files that are there whole or as they were before, and asking first whether they could be.

What takes a night to compute is not lost at its end to a folder that cannot be written, and does
not take the place of an older result before it is there.
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
    r"""A stream whose text takes the place of a file once all of it is written.

    UTF-8 with line ends as they are; half a surrogate pair, which has no UTF-8, as ``\ud800``. The
    text waits in a new file beside its place, which goes where the block fails. A link stays one. A
    pipe or a device is written to as the text comes.

    Raises:
        OSError: It cannot be written.
    """
    with _whole(path) as stream:
        text = io.TextIOWrapper(
            stream, encoding="utf-8", errors="backslashreplace", newline="", write_through=True
        )
        try:
            yield text
        finally:
            # All has been written through: what fails now is the stream's to say.
            text.detach()


def reason(error: OSError) -> str:
    """Why nothing can be written, and where: of `check_file` and `check_folder` a place by name."""
    words = error.strerror or str(error)
    return f"{words}: {error.filename}" if error.filename else words


def check_file(path: Path) -> None:
    """Return where `whole_file` could write; nothing is changed and nothing left.

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
    """Return where files could be written into a folder, or into one that could be made.

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
def _whole(path: Path) -> Iterator[BinaryIO]:
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
        # A file that may be changed, in a folder that may not.
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
    """The file itself, where `path` is a link to it.

    Raises:
        OSError: No file can have this name, or the links go in a circle.
    """
    with suppress(FileNotFoundError):
        path.stat()
    return Path(os.path.realpath(path))


def _new_file(target: Path) -> tuple[Path, int]:
    """A file beside another, with the rights of any new file, and its descriptor."""
    while True:
        beside = target.with_name(f".insttui-{secrets.token_hex(4)}.part")
        with suppress(FileExistsError):
            return beside, os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)


def _is_device(path: Path) -> bool:
    """Whether it is nothing that could be replaced: a pipe, a device, an open file's number."""
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
