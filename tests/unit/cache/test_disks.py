"""On a disk that is full or read-only, stored results are still read, and the reason is said."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cache import store as store_module
from cache.store import CacheWriteError, Store
from tests.support.children import (
    DROP_PRIVILEGES,
    public_folder,
    read_only_disk,
    run,
    tiny_disk,
)
from tests.support.spoilt_caches import LABEL, interrupt_a_write

LONG = "long " * 20_000

IMPORTS = """
import sys
from pathlib import Path
from cache.store import CacheUnavailableError, CacheWriteError, EntryLabel, Store
folder = Path(sys.argv[1])
"""

READ_THEN_WRITE = """
store = Store(folder)
print(store.get("short", str), len(store.get("long", str)))
print(store.info().entries, [entry.label.prompt for entry in store.entries()])
for change in (
    lambda: store.put("new", "value", label=EntryLabel("test")),
    lambda: store.put("new", "value" * 20_000, label=EntryLabel("test")),
    lambda: store.prune(max_bytes=0),
    store.clear,
):
    try:
        change()
    except CacheWriteError as error:
        print(error.reason)
print(store.get("new", str), store.get("short", str), repr(store.repaired))
print(bool(store.info().read_only))
"""


def outcome_of_reading(reason: str) -> list[str]:
    """What `READ_THEN_WRITE` prints where everything can be read and nothing written."""
    before = ["value 100000", "2 ['Hello', 'Hello']"]
    return [*before, *[reason] * 4, "None value ''", "True"]


@pytest.fixture
def folder() -> Iterator[Path]:
    with public_folder() as made:
        yield made


@pytest.fixture
def filled(folder: Path) -> Path:
    """A cache of one short and one long value."""
    store = Store(folder / "cache")
    store.put("short", "value", label=LABEL)
    store.put("long", LONG, label=LABEL)
    store.close()
    return store.directory


def make_public(folder: Path, *, writable: bool) -> None:
    """Let everybody read, and nobody but root write."""
    for path in (folder, *folder.rglob("*")):
        path.chmod((0o777 if writable else 0o555) if path.is_dir() else 0o444)


def test_without_permission_to_write_results_are_still_read(filled):
    make_public(filled, writable=False)
    lines = run(IMPORTS + DROP_PRIVILEGES + READ_THEN_WRITE, filled).splitlines()
    make_public(filled, writable=True)
    assert lines == outcome_of_reading("The disk or the folder is read-only.")


def test_on_a_read_only_disk_results_are_still_read(filled):
    within = read_only_disk(filled)
    if within is None:
        pytest.skip("this user cannot mount a read-only disk here")
    lines = run(IMPORTS + READ_THEN_WRITE, filled, within=within).splitlines()
    assert lines == outcome_of_reading("The disk or the folder is read-only.")


def test_an_interrupted_write_on_a_read_only_disk_does_not_hide_the_rest(filled):
    numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 499) "
    rows = "INSERT INTO Cache (key, raw, value) SELECT i, 1, zeroblob(2000) FROM n"
    interrupt_a_write(filled, numbers + rows)
    make_public(filled, writable=False)
    code = IMPORTS + DROP_PRIVILEGES + "print(Store(folder).get('short', str))"
    output = run(code, filled)
    make_public(filled, writable=True)
    assert output == "value\n"


def test_where_no_cache_can_be_made_the_reason_is_said(folder):
    code = (
        IMPORTS
        + DROP_PRIVILEGES
        + "try: Store(folder)\nexcept CacheUnavailableError as e: print(e)"
    )
    assert run(code, folder / "cache") == "Permission was denied.\n"
    assert not (folder / "cache").exists()


# A limit on the size of files makes writing fail in the middle on any system, as a full disk does.
LIMITED = """
import resource
store = Store(folder)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
for key, value in (("long", "x" * 400_000), ("new", "y" * 400_000), ("row", "z" * 30_000)):
    try:
        for number in range(100):
            store.put(f"{key}{number}" if key == "row" else key, value, label=EntryLabel("test"))
    except CacheWriteError as error:
        print(key, error.reason)
print(store.get("short", str), len(store.get("long", str)), store.get("new", str))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.put("new", "y" * 400_000, label=EntryLabel("test"))
print(len(store.get("new", str)), repr(store.repaired))
"""


def test_where_files_cannot_grow_old_results_stay_and_nothing_half_written_does(filled):
    lines = run(IMPORTS + LIMITED, filled, 200_000).splitlines()
    assert lines[:2] == [
        "long A file would become larger than the system allows.",
        "new A file would become larger than the system allows.",
    ]
    assert lines[2] == "row The disk reports an error."
    assert lines[3:] == ["value 100000 None", "400000 ''"]
    files = [path.stat().st_size for path in filled.rglob("*.val")]
    assert len(files) == 2
    assert min(files) > 100_000


FULL = """
store = Store(folder)
store.put("short", "value", label=EntryLabel("test", prompt="Hello"))
store.put("long", "long " * 20_000, label=EntryLabel("test", prompt="Hello"))
files = sorted(folder.rglob("*.val"))
with open(folder / "filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(1000))
    except OSError:
        pass
for value in ("x" * 200_000, "y" * 30_000):
    try:
        store.put("new", value, label=EntryLabel("test"))
    except CacheWriteError as error:
        print(error.reason)
print(store.get("short", str), len(store.get("long", str)), store.get("new", str))
print(sorted(folder.rglob("*.val")) == files, len(Store(folder).get("long", str)))
(folder / "filler").unlink()
store.put("new", "z" * 200_000, label=EntryLabel("test"))
print(len(store.get("new", str)), repr(store.repaired))
"""


def test_on_a_full_disk_old_results_stay_and_writing_works_again_once_there_is_room(folder):
    within = tiny_disk(folder, kilobytes=600)
    if within is None:
        pytest.skip("this user cannot mount a small disk here")
    assert run(IMPORTS + FULL, folder, within=within).splitlines() == [
        "The disk is full.",
        "The disk is full.",
        "value 100000 None",
        "True 100000",
        "200000 ''",
    ]


def test_a_store_opened_on_a_full_disk_writes_once_there_is_room(folder):
    within = tiny_disk(folder, kilobytes=300)
    if within is None:
        pytest.skip("this user cannot mount a small disk here")
    code = """
(folder / "filler").write_bytes(bytes(300 * 1024))
try:
    Store(folder)
except CacheUnavailableError as error:
    print(error.reason)
(folder / "filler").unlink()
store = Store(folder)
store.put("k", "value", label=EntryLabel("test"))
print(store.get("k", str))
"""
    assert run(IMPORTS + code, folder, within=within) == "The disk is full.\nvalue\n"


def test_a_database_that_another_process_keeps_locked_is_said_to_be(filled, monkeypatch):
    monkeypatch.setitem(store_module._SETTINGS, "timeout", 0.1)
    store = Store(filled)
    lock = sqlite3.connect(filled / "cache.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with closing(lock):
        assert store.get("short", str) == "value"
        with pytest.raises(CacheWriteError, match="Another process keeps it locked"):
            store.put("new", LONG, label=LABEL)
    store.put("new", LONG, label=LABEL)
    assert store.get("new", str) == LONG
    assert len(list(filled.rglob("*.val"))) == 2


def test_a_commit_that_fails_leaves_neither_a_file_nor_a_lock(filled, monkeypatch):
    monkeypatch.setitem(store_module._SETTINGS, "timeout", 0.1)
    store = Store(filled)
    reader = sqlite3.connect(filled / "cache.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT key FROM Cache").fetchone()  # which others must wait for to commit
    with closing(reader), pytest.raises(CacheWriteError, match="Another process keeps it locked"):
        store.put("new", LONG, label=LABEL)
    assert len(list(filled.rglob("*.val"))) == 1
    store.put("new", LONG, label=LABEL)
    assert Store(filled).get("new", str) == LONG


def test_an_error_that_was_being_handled_is_not_taken_for_the_reason(filled):
    store = Store(filled)
    with closing(sqlite3.connect(filled / "cache.db", isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER Settings_count_insert")
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON Cache BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    try:
        raise FileNotFoundError("of something else")
    except FileNotFoundError:
        with pytest.raises(CacheWriteError, match="no"):
            store.put("new", "value", label=LABEL)
    assert store.get("short", str) == "value"
