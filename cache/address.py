"""Tells the address of a shared store, such as ``s3://bucket/path``, from a folder's path."""

from __future__ import annotations

from pathlib import Path

_MARK = "://"
_FILE = "file://"


def is_shared(place: str) -> bool:
    """Whether `place` names a store by its protocol, as ``file:///folder`` does, and is no path."""
    return _MARK in place


def protocol_of(address: str) -> str:
    """What stands before ``://``."""
    return address.partition(_MARK)[0]


def folder_at(address: str) -> Path | None:
    """The folder that a ``file://`` address names; None for another protocol."""
    return Path(address.removeprefix(_FILE)).absolute() if address.startswith(_FILE) else None
