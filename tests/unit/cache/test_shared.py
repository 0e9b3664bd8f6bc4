"""A shared store: whole objects under their keys, on any file system, by any number of writers."""

from __future__ import annotations

import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import fsspec
import msgspec
import pytest

from cache.entries import EntryLabel
from cache.errors import CacheUnavailableError, CacheWriteError, CorruptEntryError
from cache.shared import SharedStore
from cache.store import Store
from cache.stores import open_at

LABEL = EntryLabel("density", "demo-base", "Hello")


class Scores(msgspec.Struct):
    """A result."""

    values: list[float]


@pytest.fixture(params=["file", "memory"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> SharedStore:
    """An empty store."""
    place = f"{tmp_path}/store" if request.param == "file" else uuid.uuid4().hex
    return SharedStore(f"{request.param}://{place}")


def only_object(store: SharedStore) -> str:
    (path,) = (each for each in store._files.find(store._root) if each.endswith(".result"))
    return path


def test_what_is_put_is_there_for_every_other_store_at_the_address(shared: SharedStore) -> None:
    assert not shared.has("k1")
    assert shared.get("k1", Scores) is None
    shared.put("k1", Scores([1.5, float("nan")]), label=LABEL)
    other = SharedStore(shared.address)
    found = other.get("k1", Scores)
    assert found is not None
    assert found.values[0] == 1.5
    assert other.has("k1")
    (entry,) = other.entries()
    assert (entry.key, entry.label) == ("k1", LABEL)
    info = other.info()
    assert (info.place, info.entries, info.size_limit) == (shared.address, 1, None)
    assert info.bytes == entry.size


def test_a_damaged_or_cut_object_is_dropped_and_said(shared: SharedStore) -> None:
    for spoil in (lambda data: data[:-3], lambda data: data[:2], lambda data: data[:-1] + b"x"):
        shared.put("k1", Scores([1.0]), label=LABEL)
        path = only_object(shared)
        shared._files.pipe_file(path, spoil(shared._files.cat_file(path)))
        with pytest.raises(CorruptEntryError):
            shared.get("k1", Scores)
        assert not shared.has("k1")
    # An object that lies under another key is not taken for this one's.
    shared.put("k1", Scores([1.0]), label=LABEL)
    data = shared._files.cat_file(only_object(shared))
    shared._files.makedirs(shared._path("k2").rpartition("/")[0], exist_ok=True)
    shared._files.pipe_file(shared._path("k2"), data)
    with pytest.raises(CorruptEntryError):
        shared.get("k2", Scores)


def test_old_results_go_on_command_only(shared: SharedStore) -> None:
    for number in range(4):
        shared.put(f"k{number}", Scores([1.0] * 10), label=LABEL)
    size = shared.info().bytes
    assert shared.prune(older_than=timedelta(days=1)).entries == 0
    assert shared.prune(max_bytes=size // 2) == (2, size // 2)
    assert shared.clear().entries == 2
    assert shared.info().entries == 0


WRITER = """
import sys
from cache.entries import EntryLabel
from cache.shared import SharedStore
store = SharedStore(sys.argv[1])
for number in range(60):
    key = f"{number * 7919 % 61:02}key"
    store.put(key, [key] * 500, label=EntryLabel("test"))
    assert store.get(key, list) == [key] * 500
"""


def test_many_processes_write_the_same_keys_at_once(tmp_path: Path) -> None:
    address = f"file://{tmp_path}/store"
    command = (sys.executable, "-c", WRITER, address)
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    for writer in writers:
        assert writer.communicate()[1] == b""
        assert writer.returncode == 0
    store = SharedStore(address)
    assert store.info().entries == 60
    assert all(store.get(entry.key, list) == [entry.key] * 500 for entry in store.entries())
    assert not list(tmp_path.rglob("*.part"))


def test_a_store_that_takes_no_more_says_why(
    shared: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shared._files, "pipe_file", full)
    with pytest.raises(CacheWriteError, match="disk is full"):
        shared.put("k1", Scores([1.0]), label=LABEL)
    assert not shared.has("k1")


def test_an_address_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(CacheUnavailableError, match="a file where the folder should be"):
        SharedStore(f"file://{tmp_path}/taken")
    with pytest.raises(CacheUnavailableError, match="nonsense"):
        SharedStore("nonsense://somewhere")
    missing = next(
        (
            name
            for name in ("gcs", "abfs", "s3", "adl")
            if fsspec.available_protocols() and not _installed(name)
        ),
        None,
    )
    if missing:
        with pytest.raises(CacheUnavailableError, match="needs a package that is not installed"):
            SharedStore(f"{missing}://bucket/folder")


def _installed(protocol: str) -> bool:
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError:
        return False
    return True


def test_an_address_opens_a_shared_store_and_a_path_one_of_this_machine(tmp_path: Path) -> None:
    assert isinstance(open_at(f"file://{tmp_path}/a"), SharedStore)
    with_path = open_at(str(tmp_path / "b"))
    assert isinstance(with_path, Store)
    with_path.close()
