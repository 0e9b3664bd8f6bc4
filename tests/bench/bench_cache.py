"""How many results a second are put and got: in a database, in files that are shared, in memory.

    python -m tests.bench.bench_cache [--results 500] [--folder DIR]

Prints one line a place and size: puts, gets and looks a second, and the ratio of each to the
database's. All are measured in turns, in one process, and the best of three rounds is taken. A
folder on a network file system can be given; then the database is none either, but files.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from cache.codec import key
from cache.entries import EntryLabel
from cache.stores import ResultStore, open_at

ROUNDS = 3
LABEL = EntryLabel("attribution", "demo-tuned", "Write a poem of four lines about the sea.")
# A map of 20 by 30 tokens, of 60 by 300, and the scores of a layer's neurons.
SIZES = {"small": 600, "map": 18_000, "large": 500_000}


def rate(act: Callable[[str], object], keys: Iterable[str]) -> float:
    """How often an act is done in a second."""
    every = list(keys)
    started = time.perf_counter()
    for each in every:
        act(each)
    return len(every) / (time.perf_counter() - started)


def rates(store: ResultStore, values: np.ndarray, keys: list[str]) -> tuple[float, float, float]:
    """Puts, gets and looks a second."""
    return (
        rate(lambda each: store.put(each, values, label=LABEL), keys),
        rate(lambda each: store.get(each, np.ndarray), keys),
        rate(store.has, keys),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, default=500)
    parser.add_argument("--folder", help="where to measure; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for name, count in SIZES.items():
            values = np.random.default_rng(0).random(count, np.float32)
            number = max(20, min(options.results, 200_000_000 // values.nbytes))
            measured: dict[str, tuple[float, ...]] = {}
            for round_ in range(ROUNDS):
                keys = [key("bench", round_, (), each) for each in range(number)]
                for kind in ("database", "file", "memory"):
                    own = Path(folder) / f"{name}-{kind}"
                    place = {"database": str(own), "file": f"file://{own}"}.get(
                        kind, f"memory://{uuid.uuid4().hex}"
                    )
                    store = open_at(place)
                    found = rates(store, values, keys)
                    store.clear()
                    store.close()
                    before = measured.get(kind, found)
                    measured[kind] = tuple(map(max, before, found))
            for kind, found in measured.items():
                cells = (
                    f"{what} {each:8.0f}/s ({each / base:5.2f}x)"
                    for what, each, base in zip(
                        ("put", "get", "has"), found, measured["database"], strict=True
                    )
                )
                print(f"{name:6} {values.nbytes / 1000:7.0f} kB  {kind:9}", *cells, sep="  ")


if __name__ == "__main__":
    main()
