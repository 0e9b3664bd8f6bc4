"""What is put in comes out, in this process and the next, until it is the least recently used."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from cache.store import CacheWriteError, CorruptEntryError, EntryLabel, Store
from tests.support.spoilt_caches import LABEL, execute


class Scores(msgspec.Struct, frozen=True, tag="scores"):
    name: str
    values: NDArray[np.float32]


class Other(msgspec.Struct, frozen=True, tag="other"):
    name: str


def scores(kilobytes: int, name: str = "scores") -> Scores:
    return Scores(name, np.random.default_rng(1).random(kilobytes * 250, np.float32))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "cache", size_limit=1_000_000)
    yield opened
    opened.close()


def value_files(store: Store) -> list[Path]:
    return list(store.directory.rglob("*.val"))


@pytest.mark.parametrize("kilobytes", [1, 200], ids=["in a row", "in a file"])
def test_a_result_is_there_for_the_next_store(store: Store, kilobytes: int) -> None:
    assert store.directory.stat().st_mode & 0o777 == 0o700
    assert store.get("k", Scores) is None
    value = scores(kilobytes)
    store.put("k", value, label=LABEL)
    store.close()
    back = Store(store.directory).get("k", Scores)
    assert back.name == "scores"
    assert np.array_equal(back.values, value.values)


def test_a_second_put_replaces_the_first_and_its_file(store: Store) -> None:
    store.put("k", scores(100, "first"), label=LABEL)
    store.put("k", scores(200, "second"), label=LABEL)
    assert store.get("k", Scores).name == "second"
    assert len(value_files(store)) == 1
    assert store.info().entries == 1


def test_entries_are_listed_without_being_decoded(store: Store) -> None:
    started = datetime.now(UTC) - timedelta(seconds=1)
    store.put("k", scores(100), label=LABEL)
    value_files(store)[0].write_bytes(b"cannot be decoded")
    (entry,) = store.entries()
    assert entry.key == "k"
    assert entry.label == LABEL
    assert 100_000 < entry.size < 101_000
    assert started < entry.created <= entry.accessed < datetime.now(UTC)


def test_a_long_prompt_is_listed_by_its_beginning(store: Store) -> None:
    store.put("k", "value", label=EntryLabel("attribution", "demo", "long " * 1000))
    assert [entry.label.prompt for entry in store.entries()] == ["long " * 40]


def test_info_counts_the_bytes_of_both_small_and_large_entries(store: Store) -> None:
    store.put("small", scores(1), label=LABEL)
    store.put("large", scores(100), label=LABEL)
    info = store.info()
    assert info.place == str(store.directory)
    assert info.entries == 2
    assert info.bytes == sum(entry.size for entry in store.entries())
    assert 101_000 < info.bytes < 102_000
    assert info.size_limit == 1_000_000
    assert info.read_only == ""


def test_beyond_the_limit_the_entry_used_longest_ago_goes(store: Store) -> None:
    for key in "abc":
        store.put(key, scores(300), label=LABEL)
        time.sleep(0.01)
    assert store.get("a", Scores) is not None
    store.put("d", scores(300), label=LABEL)
    assert [entry.key for entry in store.entries()] == ["c", "a", "d"]
    assert store.info().bytes <= store.size_limit
    assert len(value_files(store)) == 3


def test_small_entries_are_evicted_too(store: Store) -> None:
    for number in range(100):
        store.put(str(number), scores(20), label=LABEL)
    assert 900_000 < store.info().bytes <= 1_000_000
    assert store.get("99", Scores) is not None
    assert store.get("0", Scores) is None


def test_an_entry_that_alone_is_too_large_evicts_nothing(store: Store) -> None:
    store.put("a", scores(300), label=LABEL)
    with pytest.raises(CacheWriteError, match="larger than the whole cache"):
        store.put("b", scores(1001), label=LABEL)
    assert [entry.key for entry in store.entries()] == ["a"]


def test_pruning_leaves_the_most_recently_used_that_fit(store: Store) -> None:
    for key in "abc":
        store.put(key, scores(100), label=LABEL)
        time.sleep(0.01)
    removed = store.prune(max_bytes=250_000)
    assert removed.entries == 1
    assert 100_000 < removed.bytes < 101_000
    assert [entry.key for entry in store.entries()] == ["b", "c"]
    assert store.prune(max_bytes=250_000) == (0, 0)


def test_pruning_by_age_goes_by_the_last_use(store: Store) -> None:
    store.put("old", scores(1), label=LABEL)
    store.put("used", scores(1), label=LABEL)
    execute(store.directory, "UPDATE Cache SET access_time = access_time - 7200")
    assert store.get("used", Scores) is not None
    assert store.prune(older_than=timedelta(hours=3)).entries == 0
    assert store.prune(older_than=timedelta(hours=1)).entries == 1
    assert [entry.key for entry in store.entries()] == ["used"]


def test_clearing_leaves_no_value_behind(store: Store) -> None:
    store.put("a", scores(1), label=LABEL)
    store.put("b", scores(100), label=LABEL)
    orphan = store.directory / "00" / "11" / f"{'2' * 28}.val"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"left behind by a process that was killed")
    assert store.clear().entries == 2
    assert store.info()[1:3] == (0, 0)
    assert value_files(store) == []
    store.put("a", scores(1), label=LABEL)
    assert store.get("a", Scores) is not None


def test_a_result_of_another_type_is_dropped_as_corrupt(store: Store) -> None:
    store.put("k", Other("x"), label=LABEL)
    with pytest.raises(CorruptEntryError, match="damaged"):
        store.get("k", Scores)
    assert store.get("k", Scores) is None


def test_the_store_can_be_used_from_several_threads(store: Store) -> None:
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(20):
                store.put(f"{name}{number}", scores(40, name), label=LABEL)
                back = store.get(f"{name}{number}", Scores)
                assert back is None or back.name == name
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.info().bytes <= store.size_limit
