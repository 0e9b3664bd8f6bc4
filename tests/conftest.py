"""What every test can rely on, wherever it runs."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cache.store import Store

# Servers of the tests are on this machine; a proxy would not find them.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

if "PYTEST_XDIST_WORKER" in os.environ:
    # One of several processes, whose numeric libraries would take all cores each.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")

TESTS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """What more can be tried, in more time."""
    parser.addoption(
        "--all-families", action="store_true", help="try every family, not a third of them"
    )
    parser.addoption(
        "--full-size", action="store_true", help="try models and texts of full size, not small ones"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Several processes take their tests in the order below, not the largest groups first."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_finish() -> None:
    """Spares the garbage collector what is imported by now: it would be gone through every time.

    It came to a tenth of the processor time of all tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Says which tests one of several processes (`-n 2 --dist loadgroup`) runs one after another.

    A file's tests share what its fixtures made. Those of real processes (`tests/faults`) are one
    group: two of them at once, each with its engines, are more than two cores carry. They come
    first and files with slow tests next, so that at the end no process is left with a long one.
    """
    groups = {}
    for item in items:
        room, *_ = item.path.relative_to(TESTS).parts
        groups[item] = room if room == "faults" else str(item.path)
        item.add_marker(pytest.mark.xdist_group(groups[item]))
    slow = {groups[item] for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: (groups[item] != "faults", groups[item] not in slow))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    from cache.store import Store  # It imports numpy, which reads the variables above.

    opened = Store(tmp_path / "cache")
    yield opened
    opened.close()
