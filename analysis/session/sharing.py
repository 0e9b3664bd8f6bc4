"""What each of several engines on one machine may use: a card of its own, a share of the cores."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

# What numeric libraries read when they are loaded. Which digits come last in a sum depends on the
# number of threads that share it.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_CARDS = "CUDA_VISIBLE_DEVICES"
_QUERY = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")
_PATIENCE_S = 20


def environments(
    workers: int, threads: int | None, cards: tuple[str, ...] = ()
) -> list[dict[str, str]]:
    """What to add to the environment of each of these engines.

    Args:
        workers: How many engines there are.
        threads: Of each; None for an equal share of the cores that this process may use, or for
            all of them where there is one engine.
        cards: Names of the CUDA devices; each engine gets one, in turn. None are given out to one
            engine alone, which takes what it needs.
    """
    if threads is None and workers > 1:
        threads = max(1, _cores() // workers)
    found: list[dict[str, str]] = []
    for number in range(workers):
        one = {} if threads is None else dict.fromkeys(_THREADS, str(threads))
        if cards and workers > 1:
            one[_CARDS] = cards[number % len(cards)]
        found.append(one)
    return found


def cards(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The CUDA devices that this process may use, without importing torch; none if it has none."""
    given = environment.get(_CARDS)
    if given is not None:
        return tuple(name.strip() for name in given.split(",") if name.strip() not in ("", "-1"))
    if shutil.which(_QUERY[0]) is None:
        return ()
    try:
        listed = subprocess.run(
            _QUERY, capture_output=True, text=True, timeout=_PATIENCE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(listed.stdout.split())


def _cores() -> int:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
