"""Asks a session one thing after the other, telling meanwhile how far it is.

Studies and headless commands drive these generators to their end; closing one gives up what it
waits for.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from msgspec.structs import replace

from analysis.events import Cancelled, Event, Failed, Finished, Notice, Progress
from analysis.models.request import Architecture, built_alike, opening
from analysis.problems import ProblemError, problem
from analysis.request import Ask, ModelChoice, Request

R = TypeVar("R")
T = TypeVar("T")

Asking: TypeAlias = Generator[Progress | Notice, None, R]
"""What is said on the way to an `R`; it says something at least every `_POLL_S` seconds."""

_POLL_S = 0.2


class JobLike(Protocol):
    """What is needed of a submitted request."""

    def cancel(self) -> None:
        """Ask for an early end."""


class Answerer(Protocol):
    """Who answers: `analysis.session.session.Session`; tests bring scripted ones."""

    def submit(
        self, request: Request[R], listener: Callable[[Event], None], *, background: bool = False
    ) -> JobLike:
        """Queue a request; the listener is called on another thread."""

    def cached(self, request: Request[R]) -> R | None:
        """The stored answer; reads the disk, never starts the engine."""


@dataclass
class Asker:
    """Asks in the background: what somebody looks at meanwhile goes first.

    Attributes:
        session: Who answers, from the cache where it can.
        notes: What a reader of the answers should know, once each, such as that the disk is full;
            grows.
    """

    session: Answerer
    notes: dict[str, None] = field(default_factory=dict)

    def note(self, *notes: str) -> None:
        """Keep what a reader of the answers should know."""
        self.notes.update(dict.fromkeys(notes))

    def ending(
        self,
        request: Request[Any],
        step: Progress,
        follow: Callable[[Progress], Progress] | None = None,
    ) -> Asking[Finished | Failed]:
        """How a request ends.

        Args:
            request: What is asked.
            step: What is said until there is news.
            follow: What is said then; the step with the name of the stage where it is left out.

        Raises:
            ProblemError: ``internal``: somebody else gave it up.
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
        """The answer to a request; see `ending`.

        Raises:
            ProblemError: There is none.
        """
        ending = yield from self.ending(request, step, follow)
        if isinstance(ending, Failed):
            raise ProblemError(ending.problem)
        result: R = ending.result
        return result

    def answers(
        self,
        stage: str,
        asks: Sequence[Ask[R]],
        take: Callable[..., T],
        notes: Callable[[R], Iterable[str]] = lambda answer: (),
    ) -> Asking[list[T]]:
        """What was made of the answers to all of these, in their order.

        Args:
            stage: What is being done.
            asks: What is asked.
            take: Is given the answers of each; they need not be held in memory together.
            notes: What is to be noted of an answer.

        Raises:
            ProblemError: One cannot be had.
        """
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
        """What both models of a pair are built of.

        Raises:
            ProblemError: One of them cannot be read, or they are not built alike.
        """
        built = yield from self.answers("opening models", opening(base, tuned), lambda each: each)
        return built_alike(*built)
