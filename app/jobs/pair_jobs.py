"""The requests of a view about both models: first the models as wholes, then part by part.

A part is a layer or what stands in for one. In addition, one thing can be opened: a head's neuron
pairs, or what a neuron writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from analysis.models.request import Architecture, opening
from analysis.request import Ask
from app.jobs.layer_jobs import LayerJobs, Step
from app.jobs.tasks import Task
from app.terminal.text import prose
from app.widgets.lines import Line

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.session.drive import Answerer
    from app.jobs.watch import Watch
    from app.workspace import PairWorkspace

R = TypeVar("R")


class PairJobs:
    """A view's requests and their progress; holds no widgets.

    Subclasses set `UNLIKE`, why models of different shapes cannot be compared, and what to do; and
    `WAITING`, if the first part takes long, what it waits for.

    Attributes:
        whole: Request about both models as wholes, by default for their architectures.
        costly_whole: Whether that is another one, which may cost much and is all that is planned.
        parts: Requests for every part; None until the models are known to be alike.
        opened: Request for the opened thing; None before there is one.
        sample: Request for a first picture, from a part of the texts that `planned` is about; None
            if there is none. It is made while what is planned waits for the user's word.
    """

    UNLIKE: ClassVar[str]
    WAITING: ClassVar[str] = ""

    def __init__(
        self,
        workspace: PairWorkspace,
        session: Answerer,
        listener: MessagePump,
        whole: Ask[Any] | None = None,
    ) -> None:
        """Args: the models; where to submit; what receives `Watch.Changed`; what to ask first.

        The models' architectures, asked by default, are asked at once; anything else is not asked
        before `run_again`.
        """
        self._workspace, self._session, self._listener = workspace, session, listener
        self.parts: LayerJobs[Any] | None = None
        self.opened: LayerJobs[Any] | None = None
        self._opened_by: Ask[Any] | None = None
        self.sample: LayerJobs[Any] | None = None
        self.costly_whole = whole is not None
        if whole is None:
            asked = [request for ask in opening(*workspace.pair) for request in ask.requests]
            whole = Ask("both models", tuple(asked))
        self.whole = self._jobs([whole])
        if not self.costly_whole:
            self.whole.run(0)

    def planned(self) -> Sequence[Ask[Any]]:
        """What is asked next of its own accord, and may cost much; the models are alike."""
        return []

    def sampled(self) -> Sequence[Ask[Any]]:
        """What `sample` asks; it is run where that costs little."""
        return []

    @property
    def architectures(self) -> tuple[Architecture, Architecture] | None:
        """Base and tuned model's architectures; None until both are known."""
        return self.whole.both(0)

    @property
    def alike(self) -> bool:
        """Whether the shapes are known and the models can be compared part by part."""
        built = self.architectures
        return built is not None and built[0].is_built_like(built[1])

    def _jobs(self, asks: Sequence[Ask[R]], *, kind: str = "layers") -> LayerJobs[R]:
        return LayerJobs(self._session, self._listener, asks, kind=kind)

    def _open(self, ask: Ask[Any]) -> None:
        """Request the opened thing; cancels the request for a previous one."""
        if self.opened is None or ask != self._opened_by:
            if self.opened is not None:
                self.opened.stop()
            self._opened_by, self.opened = ask, self._jobs([ask])
        self.opened.run(0)

    def apply(self, watch: Watch) -> tuple[LayerJobs[Any], Step] | None:
        """Take in a watch's news; returns the jobs it belongs to, or None if it is not ours."""
        for jobs in self._all(self.whole, self.parts, self.opened, self.sample):
            step = jobs.apply(watch)
            if step is not None:
                return jobs, step
        return None

    @property
    def running(self) -> LayerJobs[Any] | None:
        """The running jobs the user waits for most; None when idle."""
        jobs = self._all(self.opened, self.parts, self.whole, self.sample)
        return next((each for each in jobs if each.layer is not None), None)

    @property
    def unfinished(self) -> LayerJobs[Any] | None:
        """Jobs that failed or were stopped; None if there are none."""
        jobs = self._all(self.whole, self.opened, self.parts)
        return next((each for each in jobs if each.can_run), None)

    def run_again(self, part: int) -> None:
        """Resume jobs that failed or were stopped, this part first."""
        jobs = self.unfinished
        if jobs is not None:
            jobs.run(part if jobs is self.parts else 0)

    def stop(self) -> bool:
        """Stop all jobs; returns whether any was running."""
        running = self.running is not None
        for jobs in self._all(self.whole, self.parts, self.opened, self.sample):
            jobs.stop()
        return running

    def tasks(self, again: Callable[[], object]) -> list[Task]:
        """For the list of jobs; `again` goes on with what is unfinished."""
        named = (
            (self.sample, "a sample"),
            (self.parts, self.parts.kind if self.parts else ""),
            (self.opened, prose(self._opened_by.name) if self._opened_by else ""),
            (self.whole, prose(self.whole.name)),
        )
        found = [jobs.task(name, again) for jobs, name in named if jobs is not None]
        # That the architectures were read is no news.
        if not self.costly_whole and self.whole.results:
            found.pop()
        return [task for task in found if task is not None]

    def words(self) -> str:
        """Text in place of the first page, in paragraphs."""
        built = self.architectures
        if built is None:
            return self.whole.ended() or "Reading what the models are built of."
        return self.WAITING if self.alike else f"{_different_shapes(*built)}\n\n{self.UNLIKE}"

    def going_on(self, *, engine_starting: bool) -> Line:
        """One harmless line on what runs, failed or was stopped, and then the key to press."""
        running, unfinished = self.running, self.unfinished
        if running is not None:
            waiting = "the engine is starting" if engine_starting else "the engine has other work"
            return [(running.words() or waiting, ""), (" · esc stops", "dim")]
        if unfinished is None or not (unfinished.stopped or unfinished.problem):
            return []
        if unfinished.problem is not None:
            return [(prose(f"{unfinished.problem} r runs it again."), "bad")]
        if unfinished is not self.parts:
            return [("Stopped. r runs it again.", "warn")]
        done = f"{len(unfinished.results)} of {unfinished.asked} {unfinished.kind}"
        return [(f"Stopped with {done}. r goes on.", "warn")]

    def _all(self, *jobs: LayerJobs[Any] | None) -> list[LayerJobs[Any]]:
        return [each for each in jobs if each is not None]


def _different_shapes(base: Architecture, tuned: Architecture) -> str:
    return (
        f"{base.model} and {tuned.model} have different shapes.\n\n"
        f"{base.model} is {base.shape()}.\n{tuned.model} is {tuned.shape()}."
    )
