"""What the views of weights ask of the engine: the shapes of both models, then part by part.

A part is a layer or what stands in its place. Beside the parts, one thing can be opened: a head's
neuron pairs, what a neuron writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from analysis.models.request import Architecture, opening
from analysis.request import Ask
from app.jobs.layer_jobs import LayerJobs, Step
from app.terminal.text import prose
from app.widgets.lines import Line

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from app.jobs.watch import Watch
    from app.workspace import PairWorkspace, SessionLike

R = TypeVar("R")


class PairJobs:
    """The requests of a view and how far they are; holds no widgets.

    Attributes:
        shapes: What the two models are built of, asked once.
        parts: What is asked of every layer, say; None until the shapes are known and alike.
        opened: What is asked of the one thing that was opened; None before one was.
    """

    def __init__(
        self, workspace: PairWorkspace, session: SessionLike, listener: MessagePump
    ) -> None:
        """Args: which models; where to ask; what receives `Watch.Changed` and calls `apply`."""
        self._workspace, self._session, self._listener = workspace, session, listener
        self.parts: LayerJobs[Any] | None = None
        self.opened: LayerJobs[Any] | None = None
        self._opened_by: Ask[Any] | None = None
        asked = [request for ask in opening(*workspace.pair) for request in ask.requests]
        self.shapes = self._jobs([Ask("both models", tuple(asked))])
        self.shapes.run(0)

    @property
    def architectures(self) -> tuple[Architecture, Architecture] | None:
        """What base and tuned model are built of; None until both are known."""
        return self.shapes.both(0)

    @property
    def alike(self) -> bool:
        """Whether the shapes are known and the models can be compared part by part."""
        built = self.architectures
        return built is not None and built[0].is_built_like(built[1])

    def _jobs(self, asks: Sequence[Ask[R]], *, kind: str = "layers") -> LayerJobs[R]:
        return LayerJobs(self._session, self._listener, asks, kind=kind)

    def _open(self, ask: Ask[Any]) -> None:
        """Ask this of the thing that is opened; what was asked of another one is given up."""
        if self.opened is None or ask != self._opened_by:
            if self.opened is not None:
                self.opened.stop()
            self._opened_by, self.opened = ask, self._jobs([ask])
        self.opened.run(0)

    def apply(self, watch: Watch) -> tuple[LayerJobs[Any], Step] | None:
        """Take in what a watch has to tell, and say of which jobs; None where of none of these."""
        for jobs in self._all(self.shapes, self.parts, self.opened):
            step = jobs.apply(watch)
            if step is not None:
                return jobs, step
        return None

    @property
    def running(self) -> LayerJobs[Any] | None:
        """What the user waits for most; None when nothing runs."""
        jobs = self._all(self.opened, self.parts, self.shapes)
        return next((each for each in jobs if each.layer is not None), None)

    @property
    def unfinished(self) -> LayerJobs[Any] | None:
        """What failed or was stopped; None when everything is there or runs."""
        jobs = self._all(self.shapes, self.opened, self.parts)
        return next((each for each in jobs if each.can_run), None)

    def run_again(self, part: int) -> None:
        """Go on with what failed or was stopped, this part first."""
        jobs = self.unfinished
        if jobs is not None:
            jobs.run(part if jobs is self.parts else 0)

    def stop(self) -> bool:
        """Give up everything that runs; whether anything did."""
        running = self.running is not None
        for jobs in self._all(self.shapes, self.parts, self.opened):
            jobs.stop()
        return running

    def words(self, unlike: str) -> str:
        """What stands in place of the first page until there is one, in paragraphs.

        Args:
            unlike: Why models of different shapes cannot be compared, and what to do.
        """
        built = self.architectures
        if built is None:
            return self.shapes.ended() or "Reading what the models are built of."
        return "" if self.alike else "\n\n".join([_different_shapes(*built), unlike])

    def going_on(self, *, engine_starting: bool) -> Line:
        """One harmless line on what runs, went wrong or was stopped; first what, then the key."""
        running, unfinished = self.running, self.unfinished
        if running is not None:
            waiting = "the engine is starting" if engine_starting else "the engine has other work"
            return [(running.words() or waiting, ""), (" · esc stops", "dim")]
        if unfinished is None:
            return []
        if unfinished.problem is not None:
            return [(prose(f"{unfinished.problem} r runs it again."), "bad")]
        if unfinished is not self.parts:
            return [("Stopped. r runs it again.", "warn")]
        done = f"{len(unfinished.results)} of {unfinished.layers} {unfinished.kind}"
        return [(f"Stopped with {done}. r goes on.", "warn")]

    def _all(self, *jobs: LayerJobs[Any] | None) -> list[LayerJobs[Any]]:
        """Those that there are."""
        return [each for each in jobs if each is not None]


def _different_shapes(base: Architecture, tuned: Architecture) -> str:
    return (
        f"{base.model} and {tuned.model} have different shapes.\n\n"
        f"{base.model} is {base.shape()}.\n{tuned.model} is {tuned.shape()}."
    )
