"""What the Concepts view asks of the engine: the shapes of both models, then layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from analysis.requests import ArchitectureRequest
from analysis.results import Architecture
from app.layer_jobs import LayerJobs, Step
from app.terminal_text import prose
from app.widgets.lines import Line

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from app.watch import Watch
    from app.workspace import PairWorkspace, SessionLike

Kind = Literal["shapes", "layers"]


class ConceptJobs:
    """The requests and how far they are; holds no widgets.

    Attributes:
        shapes: What the two models are built of, asked once.
        layers: The layers of one expert, or of a dense model; None until the shapes are known.
    """

    def __init__(
        self, workspace: PairWorkspace, session: SessionLike, listener: MessagePump
    ) -> None:
        """Args: whose concepts; where to ask; what receives `Watch.Changed` and calls `apply`."""
        self._workspace, self._session, self._listener = workspace, session, listener
        asked = ArchitectureRequest(workspace.base), ArchitectureRequest(workspace.tuned)
        self.shapes = LayerJobs(session, listener, [asked])
        self.layers: LayerJobs | None = None
        self._of_expert: dict[int, LayerJobs] = {}
        self.shapes.run(0)

    @property
    def architectures(self) -> tuple[Architecture, Architecture] | None:
        """What base and tuned model are built of; None until both are known."""
        if not self.shapes.results:
            return None
        base, tuned = self.shapes.results[0]
        assert isinstance(base, Architecture)
        assert isinstance(tuned, Architecture)
        return base, tuned

    def turn_to(self, expert: int, layer: int) -> None:
        """Ask for the layers of an expert, this layer first; those of another one wait.

        Args:
            expert: From 0; -1 in a dense model.
            layer: From 0.
        """
        assert self.architectures is not None
        if self.layers is not None:
            self.layers.stop()
        if expert not in self._of_expert:
            built = self.architectures[0]
            # Some layers of a mixture may be dense.
            requests = [
                (
                    self._workspace.concepts_request(
                        n, expert if expert in built.experts_in(n) else -1
                    ),
                )
                for n in range(built.layers)
            ]
            self._of_expert[expert] = LayerJobs(self._session, self._listener, requests)
        self.layers = self._of_expert[expert]
        self.layers.run(layer)

    def apply(self, watch: Watch) -> tuple[Kind, Step] | None:
        """Take in what a watch has to tell; None where it is none of these."""
        if (step := self.shapes.apply(watch)) is not None:
            return "shapes", step
        step = None if self.layers is None else self.layers.apply(watch)
        return None if step is None else ("layers", step)

    @property
    def current(self) -> LayerJobs:
        """The layers, or before those are asked for the shapes."""
        return self.layers or self.shapes

    @property
    def running(self) -> bool:
        """Whether something is being computed."""
        return self.current.layer is not None

    @property
    def unfinished(self) -> bool:
        """Whether something failed or was stopped."""
        return self.current.can_run

    def run_again(self, layer: int) -> None:
        """Go on with what failed or was stopped, this layer first."""
        self.current.run(layer if self.current is self.layers else 0)

    def stop(self) -> bool:
        """Give up what runs; whether anything did."""
        running = self.running
        self.current.stop()
        return running

    def going_on(self) -> Line:
        """One harmless line on what runs, went wrong or was stopped; empty when all is there."""
        jobs = self.current
        if self.running:
            words = jobs.words() or "waiting for the engine"
            return [(words, ""), (" · esc stops", "dim")]
        if jobs.problem is not None:
            return [(prose(f"{jobs.problem} r runs it again."), "bad")]
        if not jobs.stopped:
            return []
        if jobs is self.shapes:
            return [("Stopped. r runs it again.", "warn")]
        return [(f"Stopped with {len(jobs.results)} of {jobs.layers} layers. r goes on.", "warn")]
