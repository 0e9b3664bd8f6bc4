"""Several processes share one cache, and what any of them reads is right."""

from __future__ import annotations

import time

from cache.store import Store
from tests.support.children import output_of, run, start

OPEN_AND_PUT = """
import sys
from pathlib import Path
from cache.store import EntryLabel, Store
store = Store(Path(sys.argv[1]))
store.put(sys.argv[2], sys.argv[2] * 20_000, label=EntryLabel("test"))
print(repr(store.repaired))
"""

# Keys that all processes share and keys of its own, small and large, more than fit.
WORK = """
import random, sys
from pathlib import Path
import numpy as np
from cache.store import EntryLabel, Store
folder, name, operations = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = Store(folder, size_limit=3_000_000)
chance = random.Random(name)
read = written = 0
for _ in range(operations):
    number = chance.randrange(24)
    key = f"shared{number}" if chance.random() < 0.7 else f"{name}{number}"
    length = 50 if number % 2 else 60_000
    if chance.random() < 0.5:
        store.put(key, [key, np.full(length, number, np.float32)], label=EntryLabel("test"))
        written += 1
        if written == 1:
            print("writing", flush=True)
    else:
        found = store.get(key, tuple[str, np.ndarray])
        if found is not None:
            assert found[0] == key, found[0]
            assert len(found[1]) == length and (found[1] == number).all()
            read += 1
assert store.repaired == "", store.repaired
store.close()
print(read, written)
"""


def reads_and_writes(output: str) -> tuple[int, int]:
    read, written = output.splitlines()[-1].split()
    return int(read), int(written)


def test_processes_that_open_a_new_cache_at_the_same_time_all_get_it(tmp_path):
    names = [f"process{index}" for index in range(4)]
    processes = [start(OPEN_AND_PUT, tmp_path / "cache", name) for name in names]
    assert [output_of(process) for process in processes] == ["''\n"] * 4
    store = Store(tmp_path / "cache")
    for name in names:
        assert store.get(name, str) == name * 20_000


def test_processes_that_put_get_and_evict_together_read_only_what_was_stored(tmp_path):
    processes = [start(WORK, tmp_path / "cache", name, 80) for name in "abc"]
    for process in processes:
        read, written = reads_and_writes(output_of(process))
        # What one finds depends on what the others have evicted by then.
        assert read > 0
        assert written > 0
    store = Store(tmp_path / "cache")
    info = store.info()
    assert 1_000_000 < info.bytes <= 3_000_000
    assert info.entries == len(store.entries())
    files = [path.stat().st_size for path in (tmp_path / "cache").rglob("*.val")]
    assert sum(files) == sum(entry.size for entry in store.entries() if entry.size > 100_000)


def test_a_process_that_is_killed_while_writing_harms_nobody(tmp_path):
    survivor = start(WORK, tmp_path / "cache", "survivor", 300)
    for attempt in range(3):
        victim = start(WORK, tmp_path / "cache", f"victim{attempt}", 1_000_000)
        assert victim.stdout is not None
        assert victim.stdout.readline() == "writing\n"
        time.sleep(0.02 * attempt)
        victim.kill()
        victim.communicate()
    read, written = reads_and_writes(output_of(survivor))
    assert read > 0
    assert written > 0
    store = Store(tmp_path / "cache")
    assert store.repaired == ""
    for entry in store.entries():
        assert store.get(entry.key, tuple) is not None


def test_importing_the_cache_needs_numpy_and_no_model_library():
    code = """
import sys, time
started = time.perf_counter()
import cache.fingerprint, cache.codec, cache.store
seconds = time.perf_counter() - started
print({name.partition(".")[0] for name in sys.modules} & {
    "torch", "transformers", "sklearn", "scipy", "pandas", "huggingface_hub", "tokenizers",
    "safetensors", "textual", "rich", "django", "analysis", "app",
})
print(f"{seconds * 1000:.0f} ms")
"""
    found, seconds = run(code).splitlines()
    print(f"import of cache: {seconds}")
    assert found == "set()"
