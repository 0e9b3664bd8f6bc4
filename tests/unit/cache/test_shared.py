"""A shared cache, wherever it lies: what is put in comes out, and what is damaged does not."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from numpy.typing import NDArray

from cache.address import folder_at
from cache.blobs import file_name
from cache.errors import (
    CacheAddressError,
    CacheUnavailableError,
    CacheWriteError,
    CorruptEntryError,
)
from cache.folder import Folder
from cache.objects import Objects
from cache.shared import SharedStore
from cache.store import Store
from cache.stores import open_at
from tests.support.spoilt_caches import LABEL


class Renaming(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no type information
    """A file system where names are given by renaming, onto nothing that is there."""

    protocol = "renaming"
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs: list[str] = [""]  # noqa: RUF012

    def mv(self, path1: str, path2: str, **options: Any) -> None:
        """Rename a file."""
        if self.exists(path2):
            raise FileExistsError(path2)
        super().mv(path1, path2, **options)


class Refusing(MemoryFileSystem):  # type: ignore[misc]
    """An object store that knows nobody."""

    protocol = "refusing"

    def cat_file(self, path: str, *args: Any, **options: Any) -> bytes:
        """Refuse."""
        raise LookupError("Unable to locate credentials")

    pipe_file = info = find = cat_file


for system in (Renaming, Refusing):
    fsspec.register_implementation(system.protocol, system, clobber=True)

PLACES = ("folder", "file", "memory", "renaming")


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new cache."""
    if request.param == "folder":
        # A folder is shared once somebody shared it.
        Folder(tmp_path / "shared")
        return str(tmp_path / "shared")
    where = f"{tmp_path}/shared" if request.param == "file" else f"/{uuid.uuid4().hex}/results"
    return f"{request.param}://{where}"


@pytest.fixture
def shared(place: str) -> Iterator[SharedStore]:
    """A cache at that address."""
    opened = open_at(place)
    assert isinstance(opened, SharedStore)
    yield opened
    opened.close()


def test_a_result_is_there_for_every_other_machine(shared: SharedStore, place: str) -> None:
    assert shared.get("k", str) is None
    assert not shared.has("k")
    value: NDArray[np.float32] = np.random.default_rng(1).random(50_000, np.float32)
    shared.put("k", value, label=LABEL)
    other = open_at(place)
    assert other.has("k")
    assert np.array_equal(other.get("k", NDArray[np.float32]), value)  # type: ignore[arg-type,type-abstract]
    shared.put("k", "second", label=LABEL)
    assert other.get("k", str) == "second"
    assert other.info()[1] == 1


def test_equal_results_are_equal_bytes(shared: SharedStore) -> None:
    written = []
    for _ in range(2):
        shared.put("k", {"two": 2, "one": 1}, label=LABEL)
        written.append(shared._blobs.read(file_name("k")))
    assert written[0] == written[1]


def test_entries_say_what_they_are_and_the_limit_is_none(shared: SharedStore, place: str) -> None:
    for number in range(3):
        shared.put(f"key{number}", "x" * 1000 * (number + 1), label=LABEL)
    entries = shared.entries()
    assert {entry.key for entry in entries} == {"key0", "key1", "key2"}
    assert all(entry.label == LABEL and entry.accessed is None for entry in entries)
    info = shared.info()
    assert (str(info.place), info.entries, info.size_limit, info.read_only) == (
        str(folder_at(place) or place),
        3,
        None,
        "",
    )
    assert info.bytes == sum(entry.size for entry in entries) > 6000


@pytest.mark.parametrize("damage", ["cut", "emptied", "changed", "another's", "of another kind"])
def test_what_is_damaged_is_said_and_replaced(shared: SharedStore, damage: str) -> None:
    shared.put("kk", "value" * 1000, label=LABEL)
    shared.put("other", "other" * 1000, label=LABEL)
    whole = shared._blobs.read(file_name("kk"))
    spoilt = {
        "cut": whole[:-1],
        "emptied": b"",
        "changed": whole[:500] + b"\xff" + whole[501:],
        "another's": shared._blobs.read(file_name("other")),
        "of another kind": whole,
    }[damage]
    shared._blobs.write(file_name("kk"), spoilt)
    with pytest.raises(CorruptEntryError, match="damaged"):
        shared.get("kk", list if damage == "of another kind" else str)
    assert len(shared.entries()) == 2
    shared.put("kk", "value" * 1000, label=LABEL)
    assert shared.get("kk", str) == "value" * 1000


def test_only_what_is_asked_for_is_removed(shared: SharedStore) -> None:
    for number in range(3):
        shared.put(f"key{number}", "x" * 1000, label=LABEL)
    assert shared.prune(older_than=timedelta(hours=1)).entries == 0
    first, *_ = shared.entries()
    removed = shared.prune(max_bytes=first.size * 2)
    assert removed == (1, first.size)
    assert not shared.has(first.key)
    assert shared.clear().entries == 2
    assert shared.info().entries == 0
    shared.put("again", "x", label=LABEL)
    assert shared.get("again", str) == "x"


@pytest.mark.parametrize("key", ["../up", "a/b", "", ".", "é"])
def test_a_key_leads_nowhere_else(shared: SharedStore, key: str) -> None:
    with pytest.raises(ValueError, match="a key is made of"):
        shared.put(key, "value", label=LABEL)


def test_copies_of_an_address_are_read_and_never_outlast_a_clearing(tmp_path: Path) -> None:
    objects = Objects(f"memory://{uuid.uuid4().hex}")
    near = Store(tmp_path / "near")
    first, second = SharedStore(objects), SharedStore(objects, near)
    first.put("k", "value", label=LABEL)
    assert second.get("k", str) == "value"
    assert near.get("k", str) == "value"
    objects.write(file_name("k"), b"damaged far away")
    assert second.get("k", str) == "value"
    # A copy that is damaged is read where it came from.
    first.put("k", "value", label=LABEL)
    near.put("k", ["of another kind"], label=LABEL)
    assert second.get("k", str) == "value"
    second.clear()
    assert second.get("k", str) is None


def test_a_store_that_refuses_is_told_from_an_empty_one() -> None:
    refusing = open_at("refusing://bucket/path")
    reason = "Unable to locate credentials"
    with pytest.raises(CacheUnavailableError, match=reason):
        refusing.get("k", str)
    with pytest.raises(CacheUnavailableError, match=reason):
        refusing.info()
    with pytest.raises(CacheWriteError, match=reason):
        refusing.put("k", "value", label=LABEL)
    assert not refusing.has("k")


def test_a_protocol_that_lacks_its_package_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CacheAddressError) as caught:
        open_at("oss://bucket/path")
    assert "the package ossfs, which is not installed" in caught.value.reason
    assert "pip install ossfs" in caught.value.remedy
    with pytest.raises(CacheAddressError, match="'gopher'"):
        open_at("gopher://bucket/path")
