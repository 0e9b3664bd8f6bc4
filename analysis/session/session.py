"""The session: answers requests from the cache or through the engine process.

The app and the headless commands talk only to the session. It imports no torch, and starts the
engine process at the first request that the cache cannot answer.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from msgspec.structs import replace

from analysis.events import (
    WAITS,
    Cancelled,
    EngineStatus,
    Failed,
    Finished,
    ModelFacts,
    Notice,
    Pause,
    Progress,
)
from analysis.models.places import place_of
from analysis.problems import Problem, ProblemError, problem
from analysis.request import ModelChoice, Request
from analysis.session.jobs import Job, JobQueue, Listener
from analysis.session.process import EngineDiedError, EngineProcess
from analysis.session.protocol import Cancel, GoOn, Holds, Run
from cache.entries import EntryLabel
from cache.errors import (
    CacheUnavailableError,
    CacheWriteError,
    CorruptDataError,
    CorruptEntryError,
)
from cache.stores import ResultStore

R = TypeVar("R")

# When a cancel goes unanswered for longer, the process is replaced.
CANCEL_PATIENCE_S = 2.0
_POLL_S = 0.25
_OTHER_PLACE = "Free some space or choose another folder with --cache-dir."
_DAMAGED = Problem(
    kind="storage",
    what="The stored result was damaged; computing it again.",
)
_UNREAD = Problem(
    kind="storage",
    what="Stored results cannot be read now; computing them again.",
)
_UNREADABLE = Problem(
    kind="internal",
    what="The engine's answer is not of the kind that its request names.",
    remedy="Please report it.",
)


class Session:
    """Answers requests: stored ones at once, the others one at a time in order of arrival.

    Those behind what is on the screen (`Job.put_behind`) wait until no others do, and background
    ones until no others of their standing do. They give way at their next step, and start over
    afterwards, unless their analysis keeps what it computed. One that pauses goes to the end of the
    line, unless the others would need a model for which there was no room.

    Args:
        store: Where results are kept; None keeps nothing.
        on_status: Called on the session's thread when the engine's state changes.
        start_engine: Starts an engine process; replaced in tests.
    """

    def __init__(
        self,
        store: ResultStore | None = None,
        *,
        on_status: Callable[[EngineStatus], None] | None = None,
        start_engine: Callable[[], EngineProcess] = EngineProcess,
    ) -> None:
        self._store = store
        self._on_status = on_status
        self._start_engine = start_engine
        self._arrivals: queue.SimpleQueue[Job[Any]] = queue.SimpleQueue()
        self._jobs = JobQueue()
        self._closed = threading.Event()
        self._engine_lock = threading.Lock()
        self._engine: EngineProcess | None = None
        self._current: Job[Any] | None = None
        # Whether the current job gives way at a pause.
        self._paused = False
        self._models: tuple[ModelFacts, ...] = ()
        # The names of models that had to make room for others.
        self._displaced: set[str] = set()
        # What became of stored answers, to be told with those that are computed in their place.
        self._lost: dict[str | None, Problem] = {}
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
        job = Job(next(self._jobs.numbers), request, listener, self, background=background)
        self._arrivals.put(job)
        return job

    def cached(self, request: Request[R]) -> R | None:
        """The stored answer, if any. Reads the disk, never starts the engine."""
        return self._look_up(request, self._key(request))

    def holds(self, request: Request[Any]) -> bool:
        """Whether an answer is stored. Reads the disk, but not the answer."""
        key = self._key(request)
        return self._store is not None and key is not None and self._store.has(key)

    def keep(self, request: Request[R], answer: R) -> None:
        """Store an answer that was made without the engine, in place of an earlier one.

        Raises ProblemError, ``storage``, if the disk does not take it.
        """
        self._store_under(self._key(request), request, answer)

    @property
    def ready(self) -> bool:
        """Whether it takes requests: its engine starts by itself."""
        return not self._closed.is_set()

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
            self._lost[key] = _DAMAGED
            return None
        except CacheUnavailableError as error:
            self._lost[key] = replace(_UNREAD, why=error.reason, remedy=error.remedy)
            return None
        return None if result is None else request.renamed(result)

    def _keep(self, job: Job[R], key: str | None, result: R) -> None:
        # If the key changed, the model's files did too, and which version answered is unknown.
        key_after = self._key(job.request)
        if self._store is None or key_after is None or key not in (None, key_after):
            return
        try:
            self._store_under(key_after, job.request, result)
        except ProblemError as error:
            job.tell(Notice(error.problem))

    def _store_under(self, key: str | None, request: Request[R], answer: R) -> None:
        if self._store is None or key is None:
            return
        try:
            self._store.put(key, answer, label=_label(request))
        except CacheWriteError as error:
            raise problem(
                "storage",
                "The result is shown but could not be saved.",
                error.reason,
                error.remedy or _OTHER_PLACE,
            ) from error

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
        self._jobs.put(job)
        self.reorder()

    def reorder(self) -> None:
        """Interrupt the running job if one that waits goes first now."""
        current = self._current
        if current is not None and self._jobs.precedes(current):
            self._interrupt(current)

    # The engine thread

    def _work(self) -> None:
        while not self._closed.is_set():
            job = self._jobs.get()
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
        lost = self._lost.pop(key, None)
        if lost is not None:
            job.tell(Notice(lost))
        self._paused = False
        ending = self._ask_engine(job)
        if self._closed.is_set():
            return
        if isinstance(ending, Cancelled) and job.cancelled_at is None:
            # It gave way to another job; nobody cancelled it.
            job.tell(Progress(WAITS, 0, None))
            self._jobs.put(job, last=self._paused)
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
            if job.cancelled_at is not None or self._jobs.precedes(job):
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
                self._hear_models(message.models)
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
                if isinstance(event, Pause):
                    self._paused = self._is_used(job)
                    engine.send((Cancel if self._paused else GoOn)(job.number))
                else:
                    job.tell(event)

    def _hear_models(self, models: tuple[ModelFacts, ...]) -> None:
        before, held = ({each.name for each in some} for some in (self._models, models))
        self._displaced = (self._displaced | before) - held
        self._models = models

    def _is_used(self, pausing: Job[Any]) -> bool:
        """Whether a job that waits makes use of this one's pause.

        Not if models would be loaded again for it, and again for this one.
        """
        first = self._jobs.first()
        if first is None or first.rank > pausing.rank:
            return False
        wanted = {each.name for each in first.request.models()}
        return first.rank < pausing.rank or not wanted & self._displaced

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
                self._models, self._displaced = (), set()
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
