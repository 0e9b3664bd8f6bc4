"""Damage costs the damaged results and nothing else; it is told, and the next result is kept."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cache.repair import move_aside
from cache.store import CacheUnavailableError, CorruptEntryError, Store
from tests.support.children import output_of, start
from tests.support.spoilt_caches import LABEL, execute, interrupt_a_write

SHORT = "short"
LONG = "long " * 20_000


def fill(store: Store, number: int = 80) -> None:
    """Enough entries for a database of many pages."""
    for index in range(number):
        store.put(f"key{index}", SHORT * 200, label=LABEL)


def damage_file(store: Store, old: bytes = b"", new: bytes = b"") -> None:
    (file,) = store.directory.rglob("*.val")
    data = file.read_bytes()
    file.write_bytes(data.replace(old, new, 1) if old else data[: len(data) // 2])


@pytest.mark.parametrize(
    "change", [(b"long", b"lung"), (b"insttui", b"another"), ()], ids=["byte", "magic", "cut"]
)
def test_a_damaged_value_is_dropped_and_can_be_stored_again(store, change):
    store.put("k", LONG, label=LABEL)
    damage_file(store, *change)
    with pytest.raises(CorruptEntryError) as caught:
        store.get("k", str)
    assert "damaged" in caught.value.reason
    assert store.get("k", str) is None
    assert list(store.directory.rglob("*.val")) == []
    store.put("k", LONG, label=LABEL)
    assert store.get("k", str) == LONG


def test_a_damaged_value_inside_the_database_is_dropped(store):
    store.put("k", SHORT, label=LABEL)
    change = "UPDATE Cache SET value = CAST(replace(value, 'o', 'u') AS BLOB)"
    execute(store.directory, change)
    with pytest.raises(CorruptEntryError):
        store.get("k", str)
    assert store.get("k", str) is None


@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
def test_a_value_whose_file_or_folder_is_gone_is_missing_and_can_be_stored_again(store, folder):
    store.put("k", LONG, label=LABEL)
    if folder:
        shutil.rmtree(store.directory)
    for file in store.directory.rglob("*.val"):
        file.unlink()
    assert store.get("k", str) is None
    store.put("k", LONG, label=LABEL)
    assert store.get("k", str) == LONG
    assert store.directory.stat().st_mode & 0o777 == 0o700
    assert Store(store.directory).get("k", str) == LONG
    assert store.repaired == ""


def overwrite(database: Path) -> None:
    database.write_bytes(b"This is not a database at all. " * 1000)


def cut(database: Path) -> None:
    os.truncate(database, database.stat().st_size // 3)


def scribble(database: Path) -> None:
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xaa" * (database.stat().st_size - 4096))


def other_tables(database: Path) -> None:
    database.unlink()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE Cache (something)")


DAMAGES = pytest.mark.parametrize("damage", [overwrite, cut, scribble, other_tables])


@DAMAGES
def test_a_damaged_database_is_replaced_on_opening_and_said_once(store, damage):
    fill(store)
    store.put("long", LONG, label=LABEL)
    store.close()
    damage(store.directory / "cache.db")  # type: ignore[operator]
    reopened = Store(store.directory)
    assert reopened.get("key0", str) is None
    assert "damaged" in reopened.repaired
    assert str(store.directory) in reopened.repaired
    assert (store.directory / "cache.db.damaged").exists()
    assert list(store.directory.rglob("*.val")) == []
    reopened.put("key0", SHORT, label=LABEL)
    reopened.close()
    again = Store(store.directory)
    assert again.get("key0", str) == SHORT
    assert again.repaired == ""
    again.clear()
    assert not (store.directory / "cache.db.damaged").exists()


@DAMAGES
@pytest.mark.parametrize("use", ["get", "put", "entries", "info", "clear"])
def test_a_database_that_is_damaged_while_open_is_replaced_before_long(store, damage, use):
    fill(store)
    damage(store.directory / "cache.db")  # type: ignore[operator]
    if use == "get":
        assert store.get("key7", str) in (None, SHORT * 200)
    elif use == "put":
        store.put("new", SHORT, label=LABEL)
    else:
        getattr(store, use)()
    # What SQLite remembers of the file hides the damage for a while; nothing ever raises.
    for _ in range(3):
        store.put("newer", SHORT, label=LABEL)
        found = store.get("newer", str)
    assert found == SHORT


def test_a_database_of_no_bytes_is_an_empty_cache(store):
    fill(store, 3)
    store.close()
    os.truncate(store.directory / "cache.db", 0)
    reopened = Store(store.directory)
    assert reopened.info().entries == 0
    assert reopened.repaired == ""


def test_a_file_in_place_of_the_folder_makes_the_cache_unavailable(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CacheUnavailableError, match="file"):
            Store(place)


def test_a_folder_in_place_of_the_database_makes_the_cache_unavailable(tmp_path):
    (tmp_path / "cache.db").mkdir()
    with pytest.raises(CacheUnavailableError, match="database cannot be opened"):
        Store(tmp_path)


REPAIR = """
import sys
from pathlib import Path
from cache.store import EntryLabel, Store
store = Store(Path(sys.argv[1]))
store.put(sys.argv[2], "value", label=EntryLabel("test"))
print(bool(store.repaired))
"""


def test_of_several_processes_that_find_damage_one_repairs_it(store):
    fill(store)
    store.close()
    overwrite(store.directory / "cache.db")
    processes = [start(REPAIR, store.directory, f"new{index}") for index in range(4)]
    outputs = [output_of(process) for process in processes]
    assert outputs.count("True\n") == 1
    reopened = Store(store.directory)
    assert {entry.key for entry in reopened.entries()} == {f"new{index}" for index in range(4)}


def test_a_store_that_is_behind_a_repair_does_not_repair_again(store):
    fill(store)
    behind = Store(store.directory)
    assert behind.get("key0", str) is not None
    store.close()
    overwrite(store.directory / "cache.db")
    first = Store(store.directory)
    assert first.repaired
    first.put("new", SHORT, label=LABEL)
    for key in ("key1", "key2"):
        assert behind.get(key, str) is None
    assert behind.get("new", str) == SHORT
    assert behind.repaired == ""
    assert first.get("new", str) == SHORT


def test_no_journal_is_left_to_be_played_into_the_new_database(tmp_path):
    for name in ("cache.db", "cache.db-journal", "cache.db-wal"):
        (tmp_path / name).write_text("old")
    move_aside(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cache.db.damaged"]


@pytest.mark.parametrize("use", ["entries", "get"])
def test_a_write_that_a_dead_process_left_half_done_is_undone(store, use):
    fill(store)
    every_row = "UPDATE Cache SET key = 'wrong' || key, value = zeroblob(20000)"
    interrupt_a_write(store.directory, every_row)
    if use == "entries":
        assert len(store.entries()) == 80
    assert store.get("key9", str) == SHORT * 200
    assert all(entry.key.startswith("key") for entry in store.entries())
    assert store.repaired == ""
