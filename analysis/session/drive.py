"""Asks a session one request after another, reporting progress meanwhile.

Studies and headless commands run these generators to their end; closing one cancels the request it
waits for.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from msgspec.structs import replace

from analysis.events import Cancelled, Event, Failed, Finished, Notice, Progress
from analysis.models.request import Architecture, built_alike, opening
from analysis.problems import ProblemError, problem
from analysis.request import Ask, ModelChoice, Request

R = TypeVar("R")
T = TypeVar("T")

Asking: TypeAlias = Generator[Progress | Notice, None, R]
"""Progress on the way to an `R`, yielded at least every `_POLL_S` seconds."""

_POLL_S = 0.2


class JobLike(Protocol):
    """The part of a submitted request needed here."""

    def cancel(self) -> None:
        """Ask for an early end."""

    def put_behind(self, behind: bool) -> None:
        """Let everything that is not behind go first, or no longer."""


class Answerer(Protocol):
    """Answers requests: `analysis.session.session.Session`, or a scripted one in tests."""

    def submit(
        self, request: Request[R], listener: Callable[[Event], None], *, background: bool = False
    ) -> JobLike:
        """Queue a request; the listener is called on another thread."""

    def cached(self, request: Request[R]) -> R | None:
        """The stored answer; reads the disk, never starts the engine."""

    def holds(self, request: Request[Any]) -> bool:
        """Whether an answer is stored; does not read it."""

    def keep(self, request: Request[R], answer: R) -> None:
        """Store an answer that was made without the engine; ProblemError if that fails."""


@runtime_checkable
class Filler(Protocol):
    """Computes many answers at once, ahead of who asks: `analysis.session.workers.WorkerPool`."""

    def fill(self, stage: str, requests: Sequence[Request[Any]]) -> Asking[bool]:
        """Compute what the cache lacks of these; whether answers are kept."""


@dataclass
class Asker:
    """Asks in the background, giving way to whatever the user looks at meanwhile.

    Attributes:
        session: Answers, from the cache where it can.
        notes: What readers of the answers should know, such as that the disk is full; each once.
    """

    session: Answerer
    notes: dict[str, None] = field(default_factory=dict)

    def note(self, *notes: str) -> None:
        self.notes.update(dict.fromkeys(notes))

    def ending(
        self,
        request: Request[Any],
        step: Progress,
        follow: Callable[[Progress], Progress] | None = None,
    ) -> Asking[Finished | Failed]:
        """Wait for the end of a request.

        Args:
            request: The request.
            step: Progress to report until there is news.
            follow: Turns news into progress; by default the step with the stage's name.

        Raises:
            ProblemError: ``internal`` when somebody else cancelled it.
        """
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        job = self.session.submit(request, events.put, background=True)
        now = step
        try:
            while True:
                yield now
                try:
                    event = events.get(timeout=_POLL_S)
                except queue.Empty:
                    continue
                match event:
                    case Finished() | Failed():
                        return event
                    case Cancelled():
                        raise problem("internal", f"{step.detail} was given up.")
                    case Notice():
                        self.note(str(event.problem))
                        yield event
                    case Progress() if follow is not None:
                        now = follow(event)
                    case Progress():
                        now = replace(step, detail=f"{step.detail}, {event.stage}")
        except GeneratorExit:
            job.cancel()
            raise

    def answer(
        self,
        request: Request[R],
        step: Progress,
        follow: Callable[[Progress], Progress] | None = None,
    ) -> Asking[R]:
        """The answer to a request, as `ending`; ProblemError if it fails."""
        ending = yield from self.ending(request, step, follow)
        if isinstance(ending, Failed):
            raise ProblemError(ending.problem)
        result: R = ending.result
        return result

    def ahead(self, stage: str, requests: Sequence[Request[Any]]) -> Asking[bool | None]:
        """Have these computed by all workers, if there are several.

        Returns:
            Whether their answers are kept; None if nothing was computed ahead.
        """
        if not isinstance(self.session, Filler):
            return None
        filling = self.session.fill(stage, requests)
        try:
            while True:
                said = next(filling)
                if isinstance(said, Notice):
                    self.note(str(said.problem))
                yield said
        except StopIteration as end:
            kept: bool = end.value
            return kept
        finally:
            filling.close()

    def answers(
        self,
        stage: str,
        asks: Sequence[Ask[R]],
        take: Callable[..., T],
        notes: Callable[[R], Iterable[str]] = lambda answer: (),
    ) -> Asking[list[T]]:
        """Ask for all of these, and return what `take` makes of their answers, in order.

        Args:
            stage: Name of the work.
            asks: The requests, in groups.
            take: Gets the answers of one group, so not all answers have to be held in memory.
            notes: What to note of an answer.

        Raises:
            ProblemError: One cannot be answered.
        """
        yield from self.ahead(stage, [request for ask in asks for request in ask.requests])
        found: list[T] = []
        for done, ask in enumerate(asks):
            step = Progress(stage, done, len(asks), ask.name)
            answers: list[R] = []
            for request in ask.requests:
                answers.append((yield from self.answer(request, step)))
                self.note(*notes(answers[-1]))
            found.append(take(*answers))
        return found

    def architecture(self, base: ModelChoice, tuned: ModelChoice) -> Asking[Architecture]:
        """The common architecture of both models; ProblemError if unreadable or different."""
        built = yield from self.answers("opening models", opening(base, tuned), lambda each: each)
        return built_alike(*built)
