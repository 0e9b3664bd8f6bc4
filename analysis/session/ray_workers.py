"""Engines on the nodes of a Ray cluster, each a worker of a pool.

An actor on a node holds a session, and that an engine with the models. It computes one request at a
time while the next one waits at its door, so that never more is on its way than is being worked on.
Where its node sees the cache of the command, the actor stores its answers itself and sends back a
word; elsewhere it sends the answers, and the command stores them.

Ray Core alone does this: what flows are few, long requests, each of which is wanted only if nobody
else has stored its answer meanwhile. Ray Data's operators would materialise what is asked, and hide
which request a worker died of.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from analysis.events import Cancelled, Event, Failed, Finished, Notice, Progress
from analysis.problems import ProblemError, problem
from analysis.request import Request
from analysis.session.kept_by import KeptBy
from analysis.session.process import EngineProcess
from analysis.session.protocol import Run, Said
from analysis.session.session import Session
from analysis.session.sharing import environments
from cache.address import is_shared
from cache.codec import decode, encode
from cache.entries import EntryLabel
from cache.errors import CacheUnavailableError
from cache.store import UNLIMITED
from cache.stores import ResultStore, open_at

if TYPE_CHECKING:
    from analysis.session.workers import Worker

R = TypeVar("R")

_PATIENCE_S = 10


class Reply(msgspec.Struct, frozen=True):
    """What an actor sends back.

    Attributes:
        said: Notices and the ending, encoded; without the ending where the answer was kept.
        kept: Whether the answer is in the cache that the command uses, too.
    """

    said: tuple[Said, ...]
    kept: bool


class Hand:
    """What runs on a node, as an actor: a session with an engine of its own."""

    def __init__(self, place: str, token: str, environment: dict[str, str]) -> None:
        """Open the cache, if this node sees it by the mark that the command left there."""
        self._store: ResultStore | None = None
        with suppress(CacheUnavailableError):
            # A folder that is not there would be made.
            if is_shared(place) or Path(place).is_dir():
                self._store = open_at(place, size_limit=UNLIMITED)
        if self._store is not None and not self._store.has(token):
            self._store = None
        start = partial(EngineProcess, environment=environment)
        self._session = Session(self._store, start_engine=start)

    def ready(self) -> bool:
        """Answers as soon as the actor runs."""
        return True

    def answer(self, run: bytes) -> bytes:
        """Answer an encoded `Run` by an encoded `Reply`."""
        request = decode(run, Run).asked()
        events: list[Event] = []
        job = self._session.submit(request, events.append, background=True)
        with suppress(ProblemError):
            job.wait()
        kept = self._store is not None and self._session.holds(request)
        told = [each for each in events if not isinstance(each, Progress)]
        if kept:
            told = [each for each in told if not isinstance(each, Finished)]
        return encode(Reply(tuple(Said.of(0, each) for each in told), kept))


class _Asked(NamedTuple):
    """A request at an actor; without one, the question whether the actor runs."""

    actor: Any
    request: Request[Any] | None
    listener: Callable[[Event], None]


class RayWorker(KeptBy):
    """A worker whose engine is on a node of the cluster, and on another one when that is lost.

    Args:
        local: A session on the same cache; its engine is never started.
        start: Starts an actor.
        end: Ends one at once.
    """

    def __init__(
        self, local: Session, start: Callable[[], Any], end: Callable[[Any], None]
    ) -> None:
        super().__init__(local)
        self._local = local
        self._start = start
        self._end = end
        self._guard = Lock()
        self._closed = False
        # Ray calls back on a thread of its own, on which Ray itself may not be asked anything.
        self._endings: SimpleQueue[tuple[_Asked, Future[Any]]] = SimpleQueue()
        # Those at the present actor, the oldest one first: it is the one in work.
        self._asked: deque[_Asked] = deque()
        self._begin()
        Thread(target=self._listen, name="ray worker", daemon=True).start()

    def submit(
        self, request: Request[R], listener: Callable[[Event], None], *, background: bool = False
    ) -> _RayJob:
        """Send a request to the actor, where it waits for those before it."""
        with self._guard:
            asked = _Asked(self._actor, request, listener)
            self._asked.append(asked)
        self._follow(asked, asked.actor.answer.remote(encode(Run.of(0, request))))
        return _RayJob()

    @property
    def ready(self) -> bool:
        """Whether the cluster has found a place for the actor, and it runs."""
        return self._runs

    def close(self) -> None:
        """End the actor and its engine."""
        self._closed = True
        self._end(self._actor)
        self._local.close()

    def _begin(self) -> None:
        self._runs = False
        self._asked = deque()
        self._actor = self._start()
        self._follow(_Asked(self._actor, None, lambda event: None), self._actor.ready.remote())

    def _follow(self, asked: _Asked, answer: Any) -> None:
        answer.future().add_done_callback(lambda future: self._endings.put((asked, future)))

    def _listen(self) -> None:
        while not self._closed:
            asked, future = self._endings.get()
            error = future.exception()
            if error is not None:
                self._lose(asked, error)
            elif asked.request is None:
                self._runs = asked.actor is self._actor
            else:
                with self._guard:
                    if asked in self._asked:
                        self._asked.remove(asked)
                self._tell(asked.request, asked.listener, decode(future.result(), Reply))

    def _lose(self, asked: _Asked, error: BaseException) -> None:
        """Tell that a request was lost with its actor, and begin anew once for each actor."""
        if self._closed:
            return
        with self._guard:
            in_work = bool(self._asked) and self._asked[0] is asked
            if asked.actor is self._actor:
                self._end(asked.actor)
                self._begin()
        asked.listener(Failed(_loss(error)) if in_work else Cancelled())

    def _tell(self, request: Request[Any], listener: Callable[[Event], None], reply: Reply) -> None:
        for said in reply.said:
            event = said.event(request)
            if isinstance(event, Finished):
                try:
                    self._local.keep(request, event.result)
                except ProblemError as error:
                    listener(Notice(error.problem))
            listener(event)
        if reply.kept:
            stored = self._local.cached(request)
            if stored is None:
                why = "A node stored it, and it is not in the cache here."
                lost = problem("storage", "An answer got lost.", why, "Run it again.")
                listener(Failed(lost.problem))
            else:
                listener(Finished(stored))


class _RayJob:
    """A request at an actor: it ends with the actor."""

    def cancel(self) -> None:
        """It is not waited for any more; the actor ends with the pool."""

    def put_behind(self, behind: bool) -> None:
        """An actor answers in order."""


def _loss(error: BaseException) -> Any:
    why = str(error).strip().splitlines()
    return problem("engine", "A worker was lost.", why[0] if why else "").problem


def _knock(address: str) -> None:
    """Raise OSError at once where nobody listens: Ray would try for minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_PATIENCE_S).close()


@contextmanager
def ray_workers(
    address: str, store: ResultStore, count: int | None, threads: int | None
) -> Iterator[list[Worker]]:
    """Workers on a cluster, gone from it at the end.

    Args:
        address: Of the cluster; ``auto`` for one that was started on this machine.
        store: The cache of the command.
        count: How many; None for one a GPU, or one every `threads` cores where there is no GPU.
        threads: Cores of each; None for one.

    Raises:
        ProblemError: ``input`` if Ray is not installed or there is no such cluster.
    """
    # Imported here, and only where it is asked for: it is an extra.
    try:
        import ray
    except ImportError as error:
        raise problem(
            "input",
            "Ray is not installed.",
            "--ray needs it on every machine of the cluster.",
            "Install it: pip install 'insttui[ray]'.",
        ) from error
    # No word of ours about the user's cluster leaves this machine.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        _knock(address)
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            namespace=f"insttui-{uuid.uuid4()}",
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise problem(
            "input",
            f"No Ray cluster answers at {address}.",
            str(error).strip().splitlines()[0],
            "Start one, ray start --head, or name another address.",
        ) from error
    workers: list[RayWorker] = []
    try:
        has = ray.cluster_resources()
        cards, cores = int(has.get("GPU", 0)), int(has.get("CPU", 1))
        each = threads or 1
        number = count or cards or max(1, cores // each)
        token = f"shared-{uuid.uuid4()}"
        store.put(token, True, label=EntryLabel("a mark of shared folders", "", ""))
        actor = ray.remote(num_cpus=each, num_gpus=1 if cards else 0, max_restarts=0)(Hand)
        place, environment = store.address, environments(1, each)[0]
        for _ in range(number):
            start = partial(actor.remote, place, token, environment)
            workers.append(RayWorker(Session(store), start, partial(ray.kill, no_restart=True)))
        # Ray prints what happens to its nodes; our standard output is a table.
        with redirect_stdout(sys.stderr):
            yield list(workers)
    finally:
        for worker in workers:
            worker.close()
        ray.shutdown()
