"""Requests about every layer: the current layer first, the rest in the background.

A view supplies the `Ask` of each layer: one request, or one for each model. It receives
`Watch.Changed` messages and passes each watch to `LayerJobs.apply`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from analysis.events import WAITS, Failed, Finished, Notice, Progress
from analysis.problems import Problem
from analysis.request import Ask
from app.jobs.progress_text import progress_text
from app.jobs.tasks import Task, TaskState
from app.jobs.watch import Watch
from app.terminal.text import prose

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.session.drive import Answerer

R = TypeVar("R")


@dataclass(frozen=True)
class Step:
    """The layer whose last answer arrived with some news, if any, and messages for the user."""

    finished: int | None = None
    notices: tuple[Notice, ...] = ()


@dataclass
class _Layer(Generic[R]):
    """A layer being computed: its watches and the answers so far."""

    number: int
    watches: list[Watch] = field(default_factory=list)
    answers: list[R | None] = field(default_factory=list)

    def drop(self) -> None:
        for watch in self.watches:
            watch.drop()


class LayerJobs(Generic[R]):
    """The requests of all layers, one layer at a time; holds no widgets.

    A single thing asked of both models is handled as one layer.

    The first failure ends the run, since what fails for one layer mostly fails for the others too.
    `run` resumes; finished layers are kept.

    Args:
        session: Where requests are submitted.
        listener: Receives `Watch.Changed` and calls `apply`.
        asks: What to ask about each layer; a layer with no requests is passed over.
        kind: Plural noun for what stands in for layers, such as categories.

    Attributes:
        results: The answers of every finished layer, in the order of its requests.
        problem: Why the run failed, if it did.
        stopped: Whether the user stopped it.
    """

    def __init__(
        self,
        session: Answerer,
        listener: MessagePump,
        asks: Sequence[Ask[R]],
        *,
        kind: str = "layers",
    ) -> None:
        self._session = session
        self._listener = listener
        self._asks = asks
        self.kind = kind
        self.results: dict[int, tuple[R, ...]] = {}
        self.problem: Problem | None = None
        self.stopped = False
        self._current: _Layer[R] | None = None
        self._progress: tuple[str, Progress] | None = None
        self._stage_started = 0.0

    @property
    def layers(self) -> int:
        """Number of layers."""
        return len(self._asks)

    @property
    def name(self) -> str:
        """What its first request is about."""
        return self._asks[0].name

    @property
    def asked(self) -> int:
        """Number of layers about which there is something to ask."""
        return sum(bool(ask.requests) for ask in self._asks)

    @property
    def layer(self) -> int | None:
        """The layer being computed; None when idle."""
        return None if self._current is None else self._current.number

    @property
    def can_run(self) -> bool:
        """Whether layers are missing and nothing runs."""
        return self._current is None and len(self.results) < self.asked

    def both(self, layer: int) -> tuple[R, R] | None:
        """A layer's answers for base and tuned model; None until both are there."""
        if not self.results.get(layer):
            return None
        base, tuned = self.results[layer]
        return base, tuned

    def run(self, layer: int) -> None:
        """Compute the missing layers, this one first."""
        if not self.can_run:
            return
        self.problem, self.stopped = None, False
        self._begin(layer)

    def want(self, layer: int) -> None:
        """Compute this layer next, cancelling the one in progress."""
        if self._current is None or layer == self._current.number or self._is_done(layer):
            return
        self._current.drop()
        self._begin(layer)

    def stop(self) -> None:
        """Cancel the layer in progress, without further news."""
        if self._current is not None:
            self._end()
            self.stopped = True

    def apply(self, watch: Watch) -> Step | None:
        """Take in a watch's news; None if the watch is not one of the current layer's."""
        current = self._current
        if current is None or watch not in current.watches:
            return None
        news = watch.take()
        if news.progress is not None:
            self._follow(watch.request.models()[0].name, news.progress)
        ending = news.ending
        if isinstance(ending, Finished):
            current.answers[current.watches.index(watch)] = ending.result
            answers = [answer for answer in current.answers if answer is not None]
            if len(answers) == len(current.watches):
                self.results[current.number] = tuple(answers)
                self._next()
                return Step(current.number, news.notices)
        elif ending is not None:
            self._end()
            self.stopped = not isinstance(ending, Failed)
            self.problem = ending.problem if isinstance(ending, Failed) else None
        return Step(None, news.notices)

    def ended(self) -> str:
        """Why it failed, or that it was stopped, in paragraphs; empty otherwise."""
        if self.problem is not None:
            problem = self.problem
            parts = (problem.what, problem.why, problem.remedy, "r runs it again.")
            return "\n\n".join(part for part in parts if part)
        return "Stopped. r runs it again." if self.stopped else ""

    def words(self) -> str:
        """Progress in one harmless line; empty when idle."""
        if self._current is None:
            return ""
        parts = []
        if self.layers > 1:
            parts = [
                f"{len(self.results)} of {self.asked} {self.kind}",
                prose(self._asks[self._current.number].name),
            ]
        if self._progress is not None:
            running_s = time.monotonic() - self._stage_started
            parts.append(progress_text(*self._progress, running_s=running_s))
        return " · ".join(parts)

    def task(self, name: str, again: Callable[[], object]) -> Task | None:
        """The run for the list of jobs; None before there is one.

        Args:
            name: What it is, harmless.
            again: Goes on with it.
        """
        if self._current is not None:
            state: TaskState = "waiting" if self._progress is None else "running"
            return Task(name, state, self.words(), stop=self.stop)
        done = f"{len(self.results)} of {self.asked} {self.kind}" if self.layers > 1 else ""
        if self.problem is not None:
            return Task(name, "failed", prose(str(self.problem)), again=again)
        if self.stopped:
            return Task(name, "stopped", done, again=again)
        return Task(name, "done", done) if self.results and not self.can_run else None

    def _begin(self, layer: int) -> None:
        """Submit a layer's requests in the foreground."""
        if self._is_done(layer):
            self._next()
        else:
            self._submit(layer, background=False)

    def _next(self) -> None:
        """Submit the first missing layer's requests in the background."""
        missing = next((n for n in range(self.layers) if not self._is_done(n)), None)
        if missing is None:
            self._end()
        else:
            self._submit(missing, background=True)

    def _is_done(self, layer: int) -> bool:
        return layer in self.results or not self._asks[layer].requests

    def _submit(self, layer: int, *, background: bool) -> None:
        requests = self._asks[layer].requests
        self._progress = None
        self._current = _Layer(layer, answers=[None] * len(requests))
        for request in requests:
            watch = Watch(self._session, request, self._listener, background=background)
            self._current.watches.append(watch)

    def _end(self) -> None:
        if self._current is not None:
            self._current.drop()
        self._current, self._progress = None, None

    def _follow(self, model: str, progress: Progress) -> None:
        if progress.stage == WAITS:
            self._progress = None
            return
        before = self._progress
        if before is None or (before[0], before[1].stage) != (model, progress.stage):
            self._stage_started = time.monotonic()
        self._progress = (model, progress)
