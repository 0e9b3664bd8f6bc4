"""A folder that many write at once, that fills up, that loses its permissions, that goes away."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cache import networks
from cache.address import folder_at
from cache.errors import CacheUnavailableError, CacheWriteError
from cache.folder import Folder
from cache.shared import SharedStore
from cache.store import Store
from cache.stores import open_at
from tests.support.children import DROP_PRIVILEGES, output_of, public_folder, run, start, tiny_disk
from tests.support.spoilt_caches import LABEL

# 200 of 500 keys, so that every key is written by about three of eight processes.
WORK = """
import random, sys
from cache.entries import EntryLabel
from cache.stores import open_at
place, name, operations = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_at(place)
print("writing", flush=True)
for number in random.Random(name).sample(range(500), operations):
    key = f"key{number:03}"
    value = key * (10 if number % 2 else 10_000)
    store.put(key, value, label=EntryLabel("test"))
    assert store.get(key, str) == value
    found = store.get(f"key{(number * 7) % 500:03}", str)
    assert found is None or found.startswith(f"key{(number * 7) % 500:03}")
print(store.info().entries)
"""

FILLED = """
import sys
from pathlib import Path
from cache.errors import CacheWriteError
from cache.entries import EntryLabel
from cache.stores import open_at
folder = Path(sys.argv[1])
store = open_at(f"file://{folder}")
store.put("short", "value", label=EntryLabel("test"))
with open(folder / "filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(1000))
    except OSError:
        pass
for size in (200_000, 8_000):
    try:
        store.put("new", "x" * size, label=EntryLabel("test"))
    except CacheWriteError as error:
        print(error.reason)
print(store.get("short", str), store.get("new", str), store.info().entries)
print(len([path for path in folder.rglob("*") if path.is_file()]))
(folder / "filler").unlink()
store.put("new", "z" * 200_000, label=EntryLabel("test"))
print(len(store.get("new", str)))
"""

IMPORTS = """
import sys
from cache.errors import CacheWriteError
from cache.entries import EntryLabel
from cache.stores import open_at
"""

REFUSED = """
store = open_at(sys.argv[1])
print(store.get("k", str), bool(store.info().read_only))
for change in (lambda: store.put("new", "value", label=EntryLabel("test")), store.clear):
    try:
        change()
    except CacheWriteError as error:
        print(error.reason)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with public_folder() as made:
        yield made


def shared(folder: Path) -> SharedStore:
    opened = open_at(f"file://{folder}")
    assert isinstance(opened, SharedStore)
    return opened


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_eight_processes_lose_nothing_and_leave_nothing_behind(tmp_path: Path) -> None:
    place = f"file://{tmp_path}/cache"
    processes = [start(WORK, place, name, 200) for name in "abcdefgh"]
    for process in processes:
        output_of(process)
    store = shared(tmp_path / "cache")
    entries = store.entries()
    assert len(entries) == store.info().entries == len(files(tmp_path))
    # What none of eight draws of 200 of 500 takes is 1.7 % of them.
    assert 470 < len(entries) <= 500
    for entry in entries:
        assert entry.label is not None
        value = store.get(entry.key, str)
        assert value == entry.key * (10 if int(entry.key[3:]) % 2 else 10_000)


def test_a_process_that_is_killed_while_writing_leaves_no_half_of_an_entry(tmp_path: Path) -> None:
    place = f"file://{tmp_path}/cache"
    for attempt in range(3):
        victim = start(WORK, place, f"victim{attempt}", 500)
        assert victim.stdout is not None
        assert victim.stdout.readline() == "writing\n"
        time.sleep(0.02 * attempt)
        victim.kill()
        victim.communicate()
    store = shared(tmp_path / "cache")
    for entry in store.entries():
        assert store.get(entry.key, str) is not None
    store.clear()
    assert files(tmp_path) == []


def test_what_is_being_written_is_not_counted_nor_pruned(tmp_path: Path) -> None:
    store = shared(tmp_path)
    store.put("k", "value", label=LABEL)
    unfinished = files(tmp_path)[0].parent / "0123.unfinished"
    unfinished.write_bytes(b"half")
    assert store.info().entries == 1
    store.prune(max_bytes=0)
    assert files(tmp_path) == [unfinished]
    Folder(tmp_path).sweep(datetime.now(UTC))
    assert files(tmp_path) == []


@pytest.mark.parametrize("how", ["removed", "unmounted"])
def test_a_folder_that_goes_away_is_said_and_not_made_again_on_the_disk_beneath(
    tmp_path: Path, how: str
) -> None:
    store = shared(tmp_path / "cache")
    store.put("k", "value", label=LABEL)
    (tmp_path / "cache").rename(tmp_path / "elsewhere")
    if how == "unmounted":
        (tmp_path / "cache").mkdir()
    for _ in range(2):
        with pytest.raises(CacheUnavailableError, match="removed or unmounted"):
            store.get("k", str)
        with pytest.raises(CacheWriteError, match="removed or unmounted") as caught:
            store.put("new", "value", label=LABEL)
        assert "the same command then goes on" in caught.value.remedy
        with pytest.raises(CacheUnavailableError, match="removed or unmounted"):
            store.info()
        assert not store.has("k")
    assert files(tmp_path / "cache") == []
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    (tmp_path / "elsewhere").rename(tmp_path / "cache")
    assert store.get("k", str) == "value"
    store.put("new", "value", label=LABEL)
    assert store.info().entries == 2


def test_on_a_full_disk_old_results_stay_and_nothing_half_written_does(folder: Path) -> None:
    within = tiny_disk(folder, kilobytes=400)
    if within is None:
        pytest.skip("this user cannot mount a small disk here")
    assert run(FILLED, folder, within=within).splitlines() == [
        "The disk is full.",
        "The disk is full.",
        "value None 1",
        "2",
        "200000",
    ]


def test_without_permission_to_write_results_are_still_read(folder: Path) -> None:
    shared(folder / "cache").put("k", "value", label=LABEL)
    for path in (folder / "cache", *(folder / "cache").rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    lines = run(IMPORTS + DROP_PRIVILEGES + REFUSED, f"file://{folder}/cache").splitlines()
    assert lines == ["value True", "Permission was denied.", "Permission was denied."]


def test_what_is_made_in_a_folder_is_for_those_that_may_write_to_it(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o770)
    shared(tmp_path / "cache").put("key", "value", label=LABEL)
    for made in ("shared-results", "shared-results/ke"):
        assert (tmp_path / "cache" / made).stat().st_mode & 0o777 == 0o770
    (file,) = files(tmp_path)
    assert file.stat().st_mode & 0o600 == 0o600


def test_a_folder_is_a_database_until_somebody_shares_it(tmp_path: Path) -> None:
    assert isinstance(open_at(str(tmp_path)), Store)
    shared(tmp_path).put("k", "value", label=LABEL)
    opened = open_at(str(tmp_path))
    assert isinstance(opened, SharedStore)
    assert opened.get("k", str) == "value"


@pytest.mark.parametrize(
    ("kind", "expected"), [("nfs4", True), ("fuse.sshfs", True), ("ext4", False), ("9p", False)]
)
def test_a_folder_on_a_network_is_shared_without_a_word(
    kind: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mounts"
    number = f"{device >> 8 & 0xFFF}:{device & 0xFF}"
    mounts.write_text(
        "1 1 250:250 / /data rw - nfs4 server:/data rw\n"
        f"2 1 {number} / / rw shared:1 - {kind} x rw\n"
    )
    monkeypatch.setattr(networks, "_MOUNTS", mounts)
    assert networks.is_on_network(tmp_path / "not" / "made yet") is expected
    assert isinstance(open_at(str(tmp_path / "cache")), SharedStore) is expected


def test_a_relative_address_is_a_folder_from_here() -> None:
    assert folder_at("file:///a/b") == Path("/a/b")
    assert folder_at("file://a") == Path("a").absolute()
    assert folder_at("s3://a") is None
