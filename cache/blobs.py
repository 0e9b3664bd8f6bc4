"""Where a shared cache's entries lie: named bytes, each written whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

# Beneath the folder or the address that the user names.
RESULTS = "shared-results"


class Blob(NamedTuple):
    """One entry: its name, its size in bytes and when it was written, in UTC."""

    name: str
    size: int
    written: datetime


class Blobs(Protocol):
    """Named bytes. Any number of processes and machines may use the same at once.

    There are no locks. Of several that write one name at a time the last one stays, whole. Every
    method may raise OSError: `errors.GoneError` if the place itself is not there.
    """

    place: str

    def read(self, name: str) -> bytes:
        """All bytes under `name`; FileNotFoundError if there are none."""

    def has(self, name: str) -> bool:
        """Whether there are any."""

    def write(self, name: str, data: bytes) -> None:
        """Put `data` under `name`, in place of what was there."""

    def listing(self) -> list[Blob]:
        """All entries, in no order; what is being written is not among them."""

    def heads(self, names: Sequence[str], size: int) -> list[bytes]:
        """The first `size` bytes of each; none of those that cannot be read."""

    def remove(self, names: Sequence[str]) -> None:
        """Remove those that are there."""

    def sweep(self, before: datetime) -> None:
        """Remove what writers left behind that were interrupted before then."""

    def read_only(self) -> str:
        """Why nothing can be written, as far as that is known without trying; else empty."""


def file_name(key: str) -> str:
    """The last part of an entry's name, which is also a file's.

    Raises ValueError for a key that could lead elsewhere.
    """
    if not (key.isascii() and key.replace("-", "").replace("_", "").isalnum()):
        raise ValueError("a key is made of letters, digits, - and _")
    return f"{key[:2]}/{key}"
