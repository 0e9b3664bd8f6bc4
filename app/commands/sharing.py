"""Opens as many engines as a command was told to use."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from analysis.problems import problem
from analysis.session.drive import Answerer
from analysis.session.process import EngineProcess
from analysis.session.session import Session

if TYPE_CHECKING:
    from analysis.session.workers import Worker
    from cache.stores import ResultStore


@contextmanager
def opened(options: Namespace, store: ResultStore | None) -> Iterator[Answerer]:
    """A session, or a pool of workers, all on this store; closed at the end.

    Raises:
        ProblemError: The workers cannot be had, or cannot share their results.
    """
    workers: int | None = getattr(options, "workers", None)
    threads: int | None = getattr(options, "threads", None)
    shard: tuple[int, int] | None = getattr(options, "shard", None)
    ray: str | None = getattr(options, "ray", None)
    if shard is None and ray is None and (workers or 1) == 1:
        with closing(Session(store, start_engine=_starting(1, threads)[0])) as session:
            yield session
        return
    if store is None:
        raise problem(
            "storage",
            "Work cannot be shared without a cache.",
            "Engines share their results through it, and it cannot be used.",
            "Name a folder that can be written with --cache-dir.",
        )
    # Imported here: most commands have one engine.
    from analysis.session.workers import Share, WorkerPool

    with ExitStack() as open_ones:
        if ray is None:
            starts = _starting(workers or 1, threads)
            crew: Sequence[Worker] = [Session(store, start_engine=start) for start in starts]
        else:
            from analysis.session.ray_workers import ray_workers

            crew = open_ones.enter_context(ray_workers(ray, store, workers, threads))
        yield open_ones.enter_context(closing(WorkerPool(crew, Share(*(shard or (1, 1))))))


def _starting(workers: int, threads: int | None) -> list[Callable[[], EngineProcess]]:
    if workers == 1 and threads is None:
        return [EngineProcess]
    from analysis.session.sharing import cards, environments

    found = environments(workers, threads, cards() if workers > 1 else ())
    return [partial(EngineProcess, environment=each) for each in found]
