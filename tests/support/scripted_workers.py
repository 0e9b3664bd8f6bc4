"""Workers for tests: threads with a script instead of an engine, on one cache in memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from analysis.events import Cancelled, Event, Failed, Finished
from analysis.problems import Problem, ProblemError
from analysis.request import Request
from analysis.session.scout import Ended

DIED = Problem(kind="engine", what="The engine process died.", why="It was ended by SIGKILL.")


class Case(Request[int], frozen=True):
    """A request about a number."""

    analysis: ClassVar[str] = "case"
    number: int


class Sum(Case, frozen=True):
    """The sum of the answers to its parts, the cases below its number."""

    def parts(self) -> tuple[Request[int], ...]:
        """Each number is a request of its own."""
        return tuple(cases(self.number))

    def joined(self, answers: Sequence[int]) -> int:
        """Their sum."""
        return sum(answers)


class DiedError(Exception):
    """The engine does not survive a request."""


@dataclass
class Cache:
    """What all workers keep; `lost` loses everything."""

    answers: dict[Request[Any], Any] = field(default_factory=dict)
    lost: bool = False


class ScriptedWorker:
    """Answers in order, on a thread of its own.

    Args:
        cache: Shared with the others.
        script: Answers a request, or raises `DiedError` or ProblemError.
    """

    def __init__(self, cache: Cache, script: Callable[[Request[Any]], Any]) -> None:
        self._cache = cache
        self._script = script
        self._jobs: queue.SimpleQueue[tuple[Request[Any], Callable[[Event], None]] | None] = (
            queue.SimpleQueue()
        )
        self.ready = True
        self.closed = False
        self.asked: list[Request[Any]] = []
        threading.Thread(target=self._work, daemon=True).start()

    def submit(
        self, request: Request[Any], listener: Callable[[Event], None], *, background: bool = False
    ) -> Ended:
        """Queue a request."""
        self._jobs.put((request, listener))
        return Ended()

    def cached(self, request: Request[Any]) -> Any | None:
        """The stored answer."""
        return self._cache.answers.get(request)

    def holds(self, request: Request[Any]) -> bool:
        """Whether there is a stored answer."""
        return request in self._cache.answers

    def keep(self, request: Request[Any], answer: Any) -> None:
        """Store an answer."""
        if not self._cache.lost:
            self._cache.answers[request] = answer

    def close(self) -> None:
        """End its thread."""
        self.closed = True
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            request, listener = job
            stored = self.cached(request)
            if stored is not None:
                listener(Finished(stored, from_cache=True))
                continue
            self.asked.append(request)
            listener(self._ending(request))

    def _ending(self, request: Request[Any]) -> Finished | Failed | Cancelled:
        try:
            answer = self._script(request)
        except DiedError:
            return Failed(DIED)
        except ProblemError as error:
            return Failed(error.problem)
        self.keep(request, answer)
        return Finished(answer)


def cases(count: int) -> list[Case]:
    """Requests about 0, 1 and so on."""
    return [Case(number) for number in range(count)]
