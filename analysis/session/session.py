"""The session: answers requests from the cache or through the engine process.

The app and the headless commands talk only to the session. It imports no torch, and starts the
engine process at the first request that the cache cannot answer.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

from msgspec.structs import replace

from analysis.events import (
    Cancelled,
    EngineStatus,
    Event,
    Failed,
    Finished,
    ModelFacts,
    Notice,
    Progress,
)
from analysis.models.places import place_of
from analysis.problems import Problem, ProblemError
from analysis.request import ModelChoice, Request
from analysis.session.process import EngineDiedError, EngineProcess
from analysis.session.protocol import Cancel, Holds, Run
from cache.errors import CorruptDataError
from cache.store import CacheWriteError, CorruptEntryError, EntryLabel, Store

R = TypeVar("R")
Listener = Callable[[Event], None]

# When a cancel goes unanswered for longer, the process is replaced.
CANCEL_PATIENCE_S = 2.0
_POLL_S = 0.25
_DAMAGED = Problem(
    kind="storage",
    what="The stored result was damaged; computing it again.",
)
_UNREADABLE = Problem(
    kind="internal",
    what="The engine's answer is not of the kind that its request names.",
    remedy="Please report it.",
)


class JobCancelledError(Exception):
    """The job was cancelled, or the session closed, before it had a result."""


class Job(Generic[R]):
    """A submitted request."""

    def __init__(
        self,
        number: int,
        request: Request[R],
        listener: Listener,
        session: Session,
        *,
        background: bool,
    ) -> None:
        self.number = number
        self.request = request
        self.background = background
        self._listener = listener
        self._session = session
        self._cancelled_at: float | None = None
        self._ending: Finished | Failed | Cancelled | None = None
        self._ended = threading.Event()

    @property
    def cancelled_at(self) -> float | None:
        """When it was cancelled, on the monotonic clock; None if it was not."""
        return self._cancelled_at

    def cancel(self) -> None:
        """Ask for an early end; the listener gets `Cancelled` once the job has ended."""
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic()
            self._session.pass_on_cancel(self)

    def wait(self, timeout: float | None = None) -> R:
        """Wait for the result.

        Raises:
            ProblemError: The request failed.
            JobCancelledError: It was cancelled.
            TimeoutError: It did not end within `timeout` seconds.
        """
        if not self._ended.wait(timeout):
            raise TimeoutError
        if isinstance(self._ending, Finished):
            result: R = self._ending.result
            return result
        if isinstance(self._ending, Failed):
            raise ProblemError(self._ending.problem)
        raise JobCancelledError

    def tell(self, event: Event) -> None:
        """Pass an event to the listener; called by the session."""
        if isinstance(event, Finished | Failed | Cancelled):
            self._ending = event
            self._listener(event)
            self._ended.set()
        else:
            self._listener(event)


class Session:
    """Answers requests: stored ones at once, the others one at a time in order of arrival.

    Background requests wait until no others do, and give way at their next step when another one
    arrives; they start over afterwards.

    Args:
        store: Where results are kept; None keeps nothing.
        on_status: Called on the session's thread when the engine's state changes.
        start_engine: Starts an engine process; replaced in tests.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        on_status: Callable[[EngineStatus], None] | None = None,
        start_engine: Callable[[], EngineProcess] = EngineProcess,
    ) -> None:
        self._store = store
        self._on_status = on_status
        self._start_engine = start_engine
        self._arrivals: queue.SimpleQueue[Job[Any]] = queue.SimpleQueue()
        # (background, number, job): the unique number keeps the order, so jobs are never compared.
        self._jobs: queue.PriorityQueue[tuple[bool, int, Job[Any]]] = queue.PriorityQueue()
        self._numbers = itertools.count(1)
        self._closed = threading.Event()
        self._engine_lock = threading.Lock()
        self._engine: EngineProcess | None = None
        self._current: Job[Any] | None = None
        self._models: tuple[ModelFacts, ...] = ()
        self._damaged: set[str | None] = set()
        threading.Thread(target=self._receive, name="session cache", daemon=True).start()
        threading.Thread(target=self._work, name="session", daemon=True).start()

    def submit(
        self,
        request: Request[R],
        listener: Listener = lambda event: None,
        *,
        background: bool = False,
    ) -> Job[R]:
        """Queue a request and return at once.

        Args:
            request: What to compute.
            listener: Called with every event, on a thread of the session; the last one is
                `Finished`, `Failed` or `Cancelled`.
            background: Let every other request go first.
        """
        job = Job(next(self._numbers), request, listener, self, background=background)
        self._arrivals.put(job)
        return job

    def cached(self, request: Request[R]) -> R | None:
        """The stored answer, if any. Reads the disk, never starts the engine."""
        return self._look_up(request, self._key(request))

    def close(self) -> None:
        """Stop the engine and drop all waiting jobs at once; listeners get no more events."""
        self._closed.set()
        self._drop_engine()

    # Keys and the cache

    def _key(self, request: Request[Any]) -> str | None:
        """The cache key; None if the answer is not stored or the model is not on this disk."""
        if self._store is None or not request.stored:
            return None
        try:
            return request.key([_fingerprint(model) for model in request.models()])
        except (OSError, ProblemError):
            # The engine meets the same fault when it loads the model, and explains it better.
            return None

    def _look_up(self, request: Request[R], key: str | None) -> R | None:
        if self._store is None or key is None:
            return None
        try:
            result = self._store.get(key, type(request).result_type())
        except CorruptEntryError:
            self._damaged.add(key)
            return None
        return None if result is None else request.renamed(result)

    def _keep(self, job: Job[R], key: str | None, result: R) -> None:
        # If the key changed, the model's files did too, and which version answered is unknown.
        key_after = self._key(job.request)
        if self._store is None or key_after is None or key not in (None, key_after):
            return
        try:
            self._store.put(key_after, result, label=_label(job.request))
        except CacheWriteError as error:
            job.tell(
                Notice(
                    Problem(
                        kind="storage",
                        what="The result is shown but could not be saved.",
                        why=str(error),
                        remedy="Free some space or choose another folder with --cache-dir.",
                    )
                )
            )

    # The arrivals thread: stored answers need not wait for running computations

    def _receive(self) -> None:
        while not self._closed.is_set():
            job = self._arrivals.get()
            stored = None
            if job.cancelled_at is None:
                stored = self._look_up(job.request, self._key(job.request))
            if self._closed.is_set():
                return
            if stored is not None:
                job.tell(Finished(stored, from_cache=True))
            else:
                self._queue(job)

    def _queue(self, job: Job[Any]) -> None:
        self._jobs.put((job.background, job.number, job))
        current = self._current
        if not job.background and current is not None and current.background:
            self._interrupt(current)

    # The engine thread

    def _work(self) -> None:
        while not self._closed.is_set():
            _, _, job = self._jobs.get()
            if self._closed.is_set():
                return
            try:
                self._answer(job)
            except ProblemError as error:
                job.tell(Failed(error.problem))

    def _answer(self, job: Job[Any]) -> None:
        if job.cancelled_at is not None:
            job.tell(Cancelled())
            return
        key = self._key(job.request)
        # An earlier job may have asked the same, and stored the answer by now.
        stored = self._look_up(job.request, key)
        if stored is not None:
            job.tell(Finished(stored, from_cache=True))
            return
        if key in self._damaged:
            self._damaged.discard(key)
            job.tell(Notice(_DAMAGED))
        ending = self._ask_engine(job)
        if self._closed.is_set():
            return
        if isinstance(ending, Cancelled) and job.cancelled_at is None:
            # It gave way to another job; nobody cancelled it.
            self._jobs.put((job.background, job.number, job))
            return
        if isinstance(ending, Finished):
            self._keep(job, key, ending.result)
        job.tell(ending)

    def _ask_engine(self, job: Job[Any]) -> Finished | Failed | Cancelled:
        """Have the engine answer; an engine that is dead or does not react is dropped."""
        try:
            if self._engine is None:
                job.tell(Progress(stage="start", done=0, total=None))
            else:
                self._report("busy")
            engine = self._running_engine()
            self._current = job
            engine.send(Run.of(job.number, job.request))
            if job.cancelled_at is not None or (job.background and self._others_wait()):
                engine.send(Cancel(job.number))
            return self._follow(job, engine)
        except EngineDiedError:
            obituary = (
                None if self._closed.is_set() or self._engine is None else (self._engine.obituary())
            )
            self._drop_engine()
            return Cancelled() if obituary is None else Failed(obituary)
        finally:
            self._current = None

    def _follow(self, job: Job[Any], engine: EngineProcess) -> Finished | Failed | Cancelled:
        while True:
            message = engine.receive(_POLL_S)
            if _is_overdue(job):
                self._drop_engine()
                return Cancelled()
            if message is None:
                continue
            if isinstance(message, Holds):
                self._models = message.models
                self._report("busy")
            elif message.job == job.number:
                try:
                    event = message.event(job.request)
                except CorruptDataError as error:
                    # What is still said of this job is passed over by its number.
                    self._interrupt(job)
                    self._report("idle")
                    return Failed(replace(_UNREADABLE, why=str(error)))
                if isinstance(event, Finished | Failed | Cancelled):
                    self._report("idle")
                    return event
                job.tell(event)

    def _others_wait(self) -> bool:
        """Whether the next request in the queue is not a background one."""
        with self._jobs.mutex:
            return bool(self._jobs.queue) and not self._jobs.queue[0][0]

    def pass_on_cancel(self, job: Job[Any]) -> None:
        """Tell the engine about a cancelled job, if that is the job it works on."""
        self._interrupt(job)

    def _interrupt(self, job: Job[Any]) -> None:
        engine = self._engine
        if engine is not None and self._current is job:
            try:
                engine.send(Cancel(job.number))
            except EngineDiedError:
                # The session's thread will notice.
                return

    # Starting and stopping the engine

    def _running_engine(self) -> EngineProcess:
        with self._engine_lock:
            if self._closed.is_set():
                raise EngineDiedError
            if self._engine is None:
                self._engine = self._start_engine()
                self._report("starting")
            return self._engine

    def _drop_engine(self) -> None:
        with self._engine_lock:
            if self._engine is not None:
                self._engine.kill()
                self._engine = None
                self._models = ()
                if not self._closed.is_set():
                    self._report("off")

    def _report(self, state: Literal["off", "starting", "idle", "busy"]) -> None:
        if self._on_status is not None:
            self._on_status(EngineStatus(state=state, models=self._models))


def _is_overdue(job: Job[Any]) -> bool:
    cancelled_at = job.cancelled_at
    return cancelled_at is not None and time.monotonic() - cancelled_at > CANCEL_PATIENCE_S


def _fingerprint(choice: ModelChoice) -> str:
    place = place_of(choice)
    if place is None:
        raise FileNotFoundError(choice.location)
    return place.mark


def _label(request: Request[Any]) -> EntryLabel:
    return EntryLabel(
        analysis=request.analysis,
        model=" and ".join(dict.fromkeys(model.name for model in request.models())),
        prompt=getattr(request, "prompt", ""),
    )
