"""Whoever can write to the folder can spoil results, but neither run code nor remove files."""

from __future__ import annotations

import pickle
from pathlib import Path

import diskcache
import pytest

from cache.store import CorruptEntryError, Store
from tests.support.spoilt_caches import LABEL, Trap, execute

LONG = "x" * 100_000

MODE_RAW, MODE_BINARY, MODE_TEXT, MODE_PICKLE = 1, 2, 3, 4


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    """The file that exists once something has been unpickled."""
    return tmp_path / "sprung"


def test_diskcache_itself_would_spring_the_trap(tmp_path, sprung):
    with diskcache.Cache(str(tmp_path / "plain")) as plain:
        plain["k"] = Trap(sprung)
        plain.get("k")
    assert sprung.exists()


@pytest.mark.parametrize("value", ["value", LONG], ids=["in a row", "in a file"])
def test_a_stored_pickle_is_never_opened(store, sprung, value):
    store.put("k", value, label=LABEL)
    trap, files = pickle.dumps(Trap(sprung)), list(store.directory.rglob("*.val"))
    for file in files:
        file.write_bytes(trap)
    assert len(files) == (value == LONG)
    row = None if files else trap
    execute(store.directory, "UPDATE Cache SET mode = ?, value = ?", MODE_PICKLE, row)
    with pytest.raises(CorruptEntryError):
        store.get("k", str)
    assert not sprung.exists()
    assert store.get("k", str) is None
    assert store.entries() == []


def test_a_pickled_key_or_label_is_never_opened(store, sprung):
    trap = pickle.dumps(Trap(sprung))
    store.put("k", "value", label=LABEL)
    store.put("l", "value", label=LABEL)
    execute(store.directory, "UPDATE Cache SET key = ?, raw = 0 WHERE key = 'k'", trap)
    execute(store.directory, "UPDATE Cache SET tag = ? WHERE key = 'l'", trap)
    (entry,) = store.entries()
    assert entry.key == "l"
    assert entry.label is None
    store.prune(max_bytes=0)
    store.clear()
    assert not sprung.exists()


def test_a_pickle_among_the_settings_is_never_opened(store, sprung):
    trap = pickle.dumps(Trap(sprung))
    for setting in ("eviction_policy", "disk_pickle_protocol", "sqlite_cache_size", "size"):
        execute(store.directory, "UPDATE Settings SET value = ? WHERE key = ?", trap, setting)
    execute(store.directory, "INSERT INTO Settings VALUES ('disk_trap', ?)", trap)
    store.close()
    reopened = Store(store.directory)
    reopened.put("k", "value", label=LABEL)
    assert reopened.get("k", str) == "value"
    assert not sprung.exists()


def test_settings_that_would_replace_methods_are_dropped(store):
    store.put("k", "value", label=LABEL)
    for name in ("set", "get", "_disk", "disk_filename", "sqlite_writable_schema"):
        execute(store.directory, "INSERT INTO Settings VALUES (?, 1)", name)
    store.close()
    reopened = Store(store.directory)
    assert reopened.get("k", str) == "value"
    reopened.put("l", "value", label=LABEL)
    assert reopened.repaired == ""


@pytest.mark.parametrize("mode", [None, 0, MODE_TEXT, 17, "x"])
def test_a_row_of_another_kind_is_corrupt(store, mode):
    store.put("k", "value", label=LABEL)
    execute(store.directory, "UPDATE Cache SET mode = ?", mode)
    with pytest.raises(CorruptEntryError):
        store.get("k", str)
    assert store.get("k", str) is None


@pytest.mark.parametrize("absolute", [True, False])
def test_a_file_outside_of_the_cache_is_neither_read_nor_removed(store, tmp_path, absolute):
    (tmp_path / "precious").write_bytes(b"data")
    path = str(tmp_path / "precious") if absolute else "../precious"
    for key in "abc":
        store.put(key, "value", label=LABEL)
    execute(
        store.directory, "UPDATE Cache SET mode = ?, value = NULL, filename = ?", MODE_BINARY, path
    )
    with pytest.raises(CorruptEntryError):
        store.get("a", str)
    store.put("b", "new", label=LABEL)
    store.prune(max_bytes=0)
    store.clear()
    assert (tmp_path / "precious").read_bytes() == b"data"


def test_even_a_sound_value_outside_of_the_cache_is_not_read(store, tmp_path):
    store.put("k", LONG, label=LABEL)
    (file,) = store.directory.rglob("*.val")
    file.rename(tmp_path / "outside.val")
    execute(store.directory, "UPDATE Cache SET filename = '../outside.val'")
    with pytest.raises(CorruptEntryError):
        store.get("k", str)


def test_a_limit_that_stands_in_the_folder_evicts_nothing(store):
    execute(store.directory, "UPDATE Settings SET value = 1 WHERE key = 'size_limit'")
    store.close()
    reopened = Store(store.directory)
    for key in "abc":
        reopened.put(key, LONG, label=LABEL)
    assert [entry.key for entry in reopened.entries()] == ["a", "b", "c"]


def test_entries_from_the_future_do_not_evict_the_new_one(tmp_path):
    store = Store(tmp_path / "small", size_limit=250_000)
    for key in "ab":
        store.put(key, LONG, label=LABEL)
    execute(store.directory, "UPDATE Cache SET access_time = access_time + 1e6")
    store.put("c", LONG, label=LABEL)
    assert [entry.key for entry in store.entries()] == ["c", "b"]


def test_an_entry_under_the_key_of_another_is_corrupt(store):
    store.put("a", "answer to a", label=LABEL)
    store.put("b", "answer to b", label=LABEL)
    execute(store.directory, "DELETE FROM Cache WHERE key = 'a'")
    execute(store.directory, "UPDATE Cache SET key = 'a' WHERE key = 'b'")
    with pytest.raises(CorruptEntryError, match="checksum"):
        store.get("a", str)


@pytest.mark.parametrize("column", ["size", "store_time", "access_time"])
@pytest.mark.parametrize("value", ["text", None, -1e300, 1e300, b"\xff"])
def test_nonsense_beside_an_entry_does_not_stop_the_list(store, column, value):
    store.put("k", "value", label=LABEL)
    execute(store.directory, f"UPDATE Cache SET {column} = ?", value)
    assert [entry.key for entry in store.entries()] == ["k"]
    assert store.info().entries == 1
    assert store.get("k", str) == "value"
