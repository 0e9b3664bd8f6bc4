"""What a pool of workers costs for each case, with engines that sleep, by the real scheduler.

    python -m tests.bench.bench_workers [--cases N ...] [--workers W ...] [--delay MS]

Every worker is a thread that sleeps for as long as an engine would compute, then stores its answer
in the real cache. Prints, for each number of cases and of workers: the time it took, the time that
the sleeping alone takes, their ratio (efficiency), what is over it for each case, how many cases a
second the driver gets done, and the driver's memory (resident, and what it holds in Python at the
end beyond the start).
"""

from __future__ import annotations

import argparse
import gc
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import psutil

from analysis.events import Event, Finished
from analysis.request import Request
from analysis.saliency.asking import BLOCK
from analysis.session.drive import Asking
from analysis.session.scout import Ended
from analysis.session.workers import WorkerPool
from cache.codec import key
from cache.store import UNLIMITED, EntryLabel, Store


class Sleep(Request[bytes], frozen=True):
    """A request about a prompt, whose answer is as large as one of a map."""

    analysis: ClassVar[str] = "sleep"
    number: int


class Sleeper:
    """A worker whose engine sleeps, on the real cache."""

    ready = True

    def __init__(self, store: Store, delay: float) -> None:
        self._store, self._delay = store, delay
        self._jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def submit(
        self, request: Request[Any], listener: Callable[[Event], None], *, background: bool = False
    ) -> Ended:
        """Queue a request."""
        self._jobs.put((request, listener))
        return Ended()

    def cached(self, request: Request[Any]) -> Any:
        """The stored answer."""
        return self._store.get(_key(request), bytes)

    def holds(self, request: Request[Any]) -> bool:
        """Whether there is one."""
        return self._store.has(_key(request))

    def keep(self, request: Request[Any], answer: Any) -> None:
        """Store an answer."""
        self._store.put(_key(request), answer, label=EntryLabel("sleep", "", ""))

    def close(self) -> None:
        """End the thread."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            request, listener = job
            time.sleep(self._delay)
            answer = bytes(8_000)
            self.keep(request, answer)
            listener(Finished(answer))


def _key(request: Request[Any]) -> str:
    return key("sleep", 1, [], request)


def drain(asking: Asking[bool]) -> None:
    """Run it to its end."""
    for _ in asking:
        pass


def blocks(count: int) -> Iterator[list[Sleep]]:
    """The cases in blocks, as studies ask them."""
    for start in range(0, count, BLOCK):
        yield [Sleep(number) for number in range(start, min(start + BLOCK, count))]


def measure(count: int, workers: int, delay: float) -> None:
    """Fill a cache with so many cases, and print what that took."""
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), size_limit=UNLIMITED)
        pool = WorkerPool([Sleeper(store, delay) for _ in range(workers)])
        gc.collect()
        before = process.memory_info().rss
        highest, start = before, time.perf_counter()
        for block in blocks(count):
            drain(pool.fill("sleeping", block))
            highest = max(highest, process.memory_info().rss)
        took = time.perf_counter() - start
        pool.close()
        store.close()
    ideal = count * delay / workers
    over = (took - ideal) / count
    print(
        f"{count:>7,} cases  {workers:>3} workers  {took:8.1f} s  alone {ideal:8.1f} s  "
        f"efficiency {ideal / took:5.1%}  over it {1e3 * over:6.3f} ms a case  "
        f"{count / took:7.0f} a second  memory {(highest - before) / 1e6:+6.1f} MB"
    )


def main() -> None:
    """Measure every combination."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--delay", type=float, default=200.0, metavar="MS")
    options = parser.parse_args()
    for count in options.cases:
        for workers in options.workers:
            if count * options.delay / workers > 1_000_000:
                print(f"{count:>7,} cases  {workers:>3} workers  left out: it takes too long")
                continue
            measure(count, workers, options.delay / 1e3)


if __name__ == "__main__":
    main()
