"""Errors of the result cache, with reasons worded for the user."""

from __future__ import annotations

import errno
import sqlite3


class CorruptDataError(ValueError):
    """The bytes are damaged, of another type, or pickled."""


class CacheError(Exception):
    """A cache failure, `reason` in one sentence; the analysis itself can still run.

    `remedy` is what the user can do, where that is more than choosing another place.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class CacheUnavailableError(CacheError):
    """The cache can be neither written nor read."""


class CacheAddressError(CacheUnavailableError):
    """Nothing that is installed can use the address, which no later attempt changes."""


class CacheWriteError(CacheError):
    """The cache could not be changed; its contents can still be read."""


class CorruptEntryError(CacheError):
    """An entry was damaged and has been dropped; recomputing it restores it."""


class GoneError(OSError):
    """The place of a shared cache is not there any more."""

    remedy = (
        "Mount it or make it again; the same command then goes on with what is kept there. "
        "Or choose another place with --cache-dir."
    )

    def __init__(
        self, what: str = "The cache is not there any more: it was removed or unmounted"
    ) -> None:
        super().__init__(what)


_SYSTEM = {
    errno.ENOSPC: "The disk is full.",
    errno.EDQUOT: "The disk quota is used up.",
    errno.EIO: "The disk reports an error.",
    errno.ESTALE: "The disk is no longer mounted, or its server began anew.",
    errno.ETIMEDOUT: "The disk's server does not answer.",
    errno.EROFS: "The disk is read-only.",
    errno.EACCES: "Permission was denied.",
    errno.EPERM: "Permission was denied.",
    errno.EFBIG: "A file would become larger than the system allows.",
    errno.ENOENT: "The folder does not exist.",
    errno.ENOTDIR: "Part of the path is a file, not a folder.",
    errno.EEXIST: "There is a file where the folder should be.",
}

_DATABASE = {
    sqlite3.SQLITE_FULL: "The disk is full.",
    sqlite3.SQLITE_READONLY: "The disk or the folder is read-only.",
    sqlite3.SQLITE_CANTOPEN: "Its database cannot be opened or created.",
    sqlite3.SQLITE_BUSY: "Another process keeps it locked.",
    sqlite3.SQLITE_LOCKED: "Another process keeps it locked.",
    sqlite3.SQLITE_IOERR: "The disk reports an error.",
    sqlite3.SQLITE_CORRUPT: "Its database is damaged.",
    sqlite3.SQLITE_NOTADB: "Its database is damaged.",
}


def database_code(error: BaseException) -> int:
    """SQLite's primary result code; 0 if the error does not come from SQLite."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def in_words(error: BaseException) -> str:
    """One sentence that says why the operation failed, from a system or database error."""
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        return _SYSTEM[error.errno]
    code = database_code(error)
    if code in _DATABASE:
        return _DATABASE[code]
    return f"{error or type(error).__name__}."


def root_cause(error: BaseException, handled: BaseException | None) -> BaseException:
    """The first system or database error in a chain of them.

    diskcache reports every failure to begin a transaction as a timeout, and its rollback may fail
    after SQLite has already rolled back; the real cause is the first error of the chain.

    Args:
        error: The last error.
        handled: What the caller was already handling (`sys.exception`); not part of the chain.
    """
    cause: BaseException = error
    link: BaseException | None = error
    while link is not None and link is not handled:
        if isinstance(link, (sqlite3.Error, OSError)):
            cause = link
        link = link.__context__
    return cause
