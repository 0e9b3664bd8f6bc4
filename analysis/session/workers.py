"""Several engines at one study: what the cache lacks is computed on all of them, ahead of it.

A study asks in its own order and reads its answers from the cache, so that its tables are the same
however many workers there are. Each of them is a session with an engine of its own; all keep their
answers in one cache, by which other machines take part, too: what one of them has stored, the
others need not compute.
"""

from __future__ import annotations

import queue
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from analysis.events import Cancelled, Event, Failed, Finished, Notice, Progress
from analysis.problems import Problem, ProblemError
from analysis.request import Request
from analysis.session.drive import Answerer, Asking, JobLike
from analysis.session.kept_by import KeptBy
from analysis.session.scout import Ended

R = TypeVar("R")
T = TypeVar("T")

TRIES = 3
"""How many engines may die of one request before it is set aside."""

# One is computed while the next one is on its way.
_IN_FLIGHT = 2
_POLL_S = 0.2


class Worker(Answerer, Protocol):
    """A session with an engine of its own, here or on another machine."""

    @property
    def ready(self) -> bool:
        """Whether it can begin; one on another machine has to find a place there."""

    def close(self) -> None:
        """Stop its engine; listeners get no more events."""


@dataclass(frozen=True)
class Share:
    """Which part of the work is this process's own, `number` of `parts`, from 1 on.

    Those who share the work do their own part first, then what is left of the others': one that
    is late or lost is made up for. The others' is taken in random order, so that two who are done
    early do not compute the same.
    """

    number: int = 1
    parts: int = 1

    def order(self, requests: Sequence[T]) -> list[T]:
        """The requests in the order in which this process looks after them."""
        own = self.number - 1
        rest = [each for place, each in enumerate(requests) if place % self.parts != own]
        random.shuffle(rest)
        return [*requests[own :: self.parts], *rest]


ALONE = Share()
"""All of the work."""


class _News(NamedTuple):
    worker: int
    request: Request[Any]
    event: Event


class WorkerPool(KeptBy):
    """Answers like the first worker alone, and computes ahead on all of them.

    Args:
        workers: At least one; all keep their answers in the same cache.
        share: This process's part of the work.
    """

    def __init__(self, workers: Sequence[Worker], share: Share = ALONE) -> None:
        super().__init__(workers[0])
        self.workers, self.share = workers, share
        self._set_aside: dict[Request[Any], Problem] = {}

    # As an `Answerer`

    def submit(
        self, request: Request[R], listener: Callable[[Event], None], *, background: bool = False
    ) -> JobLike:
        """Queue a request; one that was set aside fails at once, with its reason."""
        reason = self._set_aside.get(request)
        if reason is None:
            return self.workers[0].submit(request, listener, background=background)
        listener(Failed(reason))
        return Ended()

    def close(self) -> None:
        """Stop all engines."""
        for worker in self.workers:
            worker.close()

    # As a `Filler`

    def fill(self, stage: str, requests: Sequence[Request[Any]]) -> Asking[bool]:
        """Compute what the cache lacks of these, on all workers.

        A request of which an engine died is tried again on another one, in parts if it has any,
        and set aside after `TRIES` of them: from then on it fails with its reason. What fails
        otherwise is left to who asks for it. Where there are more workers than requests, those
        that have parts are computed in parts from the start.

        Returns:
            Whether answers are kept. If not, it stops at the first one lost, because computing the
            others would be pointless.

        Raises:
            ProblemError: ``engine`` when engines die of whatever they are asked.
        """
        requests = list(dict.fromkeys(requests))
        filling = _Filling(self, self.share.order(requests))
        try:
            return (yield from filling.run(stage, len(requests)))
        finally:
            filling.cancel()

    def lacks(self, request: Request[Any]) -> bool:
        """Whether this is still to be computed."""
        return request not in self._set_aside and not self.holds(request)

    def set_aside(self, request: Request[Any], problem: Problem) -> None:
        """Ask no engine for this any more: it is what cannot be used, not the engine."""
        what = f"It was given up: {TRIES} engines died of it."
        self._set_aside[request] = replace(problem, kind="input", what=what, remedy="")


class _Filling:
    """One run of `WorkerPool.fill`: what waits, what is on its way, and what came of it."""

    def __init__(self, pool: WorkerPool, ordered: Sequence[Request[Any]]) -> None:
        self._pool = pool
        self._left: Iterator[Request[Any]] = iter(ordered)
        self._again: deque[tuple[Request[Any], int]] = deque()
        self._deaths: dict[Request[Any], int] = {}
        # What is computed in parts, by its parts; and its parts that have not ended.
        self._whole: dict[Request[Any], Request[Any]] = {}
        self._unended: dict[Request[Any], set[Request[Any]]] = {}
        self._divides = len(ordered) < len(pool.workers) * pool.share.parts
        self._news: queue.SimpleQueue[_News] = queue.SimpleQueue()
        self._jobs: list[dict[Request[Any], JobLike]] = [{} for _ in pool.workers]
        self._under_way = 0
        self._done = 0
        # Requests set aside with no answer in between.
        self._in_a_row = 0
        # Workers whose answers were seen in the cache since anything was said of it.
        self._proven: set[int] = set()

    def run(self, stage: str, total: int) -> Asking[bool]:
        now = Progress(stage, 0, total)
        self._hand_out()
        while self._under_way or self._again or self._waits():
            yield replace(now, done=self._done)
            try:
                news = self._news.get(timeout=_POLL_S)
            except queue.Empty:
                # A worker may have become ready.
                self._hand_out()
                continue
            if isinstance(news.event, Notice):
                self._proven.clear()
                yield news.event
            if isinstance(news.event, Finished | Failed | Cancelled):
                self._jobs[news.worker].pop(news.request, None)
                self._under_way -= 1
                if not self._is_to_try_again(news):
                    self._end(news.request)
                if self._is_lost(news):
                    return False
                self._hand_out([news.worker] if not self._again else None)
        return True

    def _is_lost(self, news: _News) -> bool:
        """Whether an answer came and was not kept, as far as one has reason to look."""
        if not isinstance(news.event, Finished):
            return False
        self._in_a_row = 0
        if news.worker in self._proven:
            return False
        self._proven.add(news.worker)
        return not self._pool.holds(news.request)

    def cancel(self) -> None:
        """Give up what is on its way."""
        for jobs in self._jobs:
            for job in jobs.values():
                job.cancel()

    def _is_to_try_again(self, news: _News) -> bool:
        request, event = news.request, news.event
        if isinstance(event, Cancelled):
            # Its worker was lost before it came to this one.
            self._again.append((request, news.worker))
            return True
        if not isinstance(event, Failed) or event.problem.kind != "engine":
            return False
        if self._divide(request):
            return True
        deaths = self._deaths[request] = self._deaths.get(request, 0) + 1
        if deaths == TRIES:
            self._in_a_row += 1
            if self._in_a_row == TRIES * len(self._jobs):
                # None was of use in between: it is not because of these requests.
                raise ProblemError(event.problem)
            for each in filter(None, (request, self._whole.get(request))):
                self._pool.set_aside(each, event.problem)
            return False
        self._again.append((request, news.worker))
        return True

    def _divide(self, request: Request[Any]) -> bool:
        """Have what is left of a request's parts computed in its place; whether it has any."""
        parts = request.parts()
        lacking = set(filter(self._pool.lacks, parts))
        self._whole.update(dict.fromkeys(parts, request))
        self._unended[request] = lacking
        # What was begun comes first: the sooner is it joined.
        self._again.extendleft((part, -1) for part in reversed(parts) if part in lacking)
        if parts and not lacking:
            self._join(request)
        return bool(parts)

    def _end(self, request: Request[Any]) -> None:
        """Count a request that came to an end, or join it when it is the last of its parts."""
        whole = self._whole.get(request)
        if whole is None:
            self._done += 1
            return
        self._unended[whole].discard(request)
        if not self._unended[whole]:
            self._join(whole)

    def _join(self, whole: Request[Any]) -> None:
        answers = [self._pool.cached(part) for part in whole.parts()]
        if None not in answers:
            # Who asks for it computes it, and says why it could not be kept.
            with suppress(ProblemError):
                self._pool.keep(whole, whole.joined(answers))
        self._done += 1

    def _hand_out(self, workers: Iterable[int] | None = None) -> None:
        """Keep these workers busy, or all."""
        numbers = range(len(self._jobs)) if workers is None else list(workers)
        # The first ones first, so that few requests are spread over all.
        for depth in range(1, _IN_FLIGHT + 1):
            for number in numbers:
                jobs = self._jobs[number]
                if len(jobs) >= depth or not self._pool.workers[number].ready:
                    continue
                request = self._next(number)
                if request is None:
                    continue
                self._under_way += 1
                jobs[request] = self._pool.workers[number].submit(
                    request, partial(self._hear, number, request), background=True
                )

    def _waits(self) -> bool:
        """Whether there is more to do for which no worker is ready."""
        request = next(filter(self._pool.lacks, self._left), None)
        if request is not None:
            self._left = chain([request], self._left)
        return request is not None

    def _next(self, worker: int) -> Request[Any] | None:
        for _ in range(len(self._again)):
            request, failed_on = self._again.popleft()
            # Another worker is tried first, if there is one that is not waited for.
            if failed_on != worker or not self._under_way:
                return request
            self._again.append((request, failed_on))
        for request in self._left:
            if not self._pool.lacks(request):
                self._done += 1
            elif not self._divides or not self._divide(request):
                return request
            elif self._again:
                return self._again.popleft()[0]
        return None

    def _hear(self, number: int, request: Request[Any], event: Event) -> None:
        self._news.put(_News(number, request, event))
