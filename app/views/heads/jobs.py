"""What the Heads view asks of the engine: shapes of both models, heads by layer, neuron pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from analysis.requests import ArchitectureRequest, NeuronPairsRequest
from analysis.results import Architecture, NeuronPairs
from app.layer_jobs import LayerJobs, Step
from app.terminal_text import prose
from app.views.heads.text import different_shapes
from app.widgets.lines import Line

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from app.watch import Watch
    from app.workspace import PairWorkspace, SessionLike

Kind = Literal["shapes", "layers", "neurons"]


class HeadJobs:
    """The requests and how far they are; holds no widgets.

    Attributes:
        shapes: What the two models are built of, asked once.
        layers: The heads of every layer; None until the shapes are known and alike.
        neurons: The neuron pairs of one head; None before one was opened.
    """

    def __init__(
        self, workspace: PairWorkspace, session: SessionLike, listener: MessagePump
    ) -> None:
        """Args: whose heads; where to ask; what receives `Watch.Changed` and calls `apply`."""
        self._workspace, self._session, self._listener = workspace, session, listener
        base, tuned = workspace.base, workspace.tuned
        asked = ArchitectureRequest(base), ArchitectureRequest(tuned)
        self.shapes = LayerJobs(session, listener, [asked])
        self.layers: LayerJobs | None = None
        self.neurons: LayerJobs | None = None
        self._neuron_head: tuple[int, int] | None = None
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

    @property
    def neuron_pairs(self) -> tuple[NeuronPairs, NeuronPairs] | None:
        """The open head of the base and the tuned model; None until both are known."""
        if self.neurons is None or not self.neurons.results:
            return None
        base, tuned = self.neurons.results[0]
        assert isinstance(base, NeuronPairs)
        assert isinstance(tuned, NeuronPairs)
        return base, tuned

    def begin_layers(self, layers: int) -> None:
        """Ask for the heads of so many layers, the first one first."""
        requests = [self._workspace.head_requests(layer) for layer in range(layers)]
        self.layers = LayerJobs(self._session, self._listener, requests)
        self.layers.run(0)

    def open_head(self, layer: int, head: int) -> None:
        """Ask for a head's neuron pairs, those of another head are given up."""
        if self._neuron_head == (layer, head) and self.neurons is not None:
            self.neurons.run(0)
            return
        if self.neurons is not None:
            self.neurons.stop()
        work = self._workspace
        requests = tuple(
            NeuronPairsRequest(model, layer, head, work.words, work.vectors)
            for model in (work.base, work.tuned)
        )
        self._neuron_head = layer, head
        self.neurons = LayerJobs(self._session, self._listener, [requests])
        self.neurons.run(0)

    def apply(self, watch: Watch) -> tuple[Kind, Step] | None:
        """Take in what a watch has to tell; None where it is none of these."""
        kinds: tuple[Kind, ...] = ("shapes", "layers", "neurons")
        for kind, jobs in zip(kinds, (self.shapes, self.layers, self.neurons), strict=True):
            step = None if jobs is None else jobs.apply(watch)
            if step is not None:
                return kind, step
        return None

    @property
    def running(self) -> LayerJobs | None:
        """What the user waits for most; None when nothing runs."""
        jobs = (self.neurons, self.layers, self.shapes)
        return next((each for each in jobs if each is not None and each.layer is not None), None)

    @property
    def unfinished(self) -> LayerJobs | None:
        """What failed or was stopped; None when everything is there or runs."""
        jobs = (self.shapes, self.neurons, self.layers)
        return next((each for each in jobs if each is not None and each.can_run), None)

    def run_again(self, layer: int) -> None:
        """Go on with what failed or was stopped, this layer first."""
        jobs = self.unfinished
        if jobs is not None:
            jobs.run(layer if jobs is self.layers else 0)

    def stop(self) -> bool:
        """Give up everything that runs; whether anything did."""
        running = self.running is not None
        for jobs in (self.shapes, self.layers, self.neurons):
            if jobs is not None:
                jobs.stop()
        return running

    def words(self) -> str:
        """What stands in place of the map until there is one, in paragraphs."""
        problem = self.shapes.problem
        if self.architectures is not None:
            return different_shapes(*self.architectures)
        if problem is not None:
            parts = (problem.what, problem.why, problem.remedy, "r runs it again.")
            return "\n\n".join(part for part in parts if part)
        if self.shapes.stopped:
            return "Stopped. r runs it again."
        return "Reading what the models are built of."

    def going_on(self, *, engine_starting: bool) -> Line:
        """One harmless line on what runs, went wrong or was stopped; first what, then the key."""
        if self.running is not None:
            waiting = "the engine is starting" if engine_starting else "the engine has other work"
            return [(self.running.words() or waiting, ""), _STOPS]
        jobs = self.unfinished
        if jobs is not None and jobs.problem is not None:
            return [(prose(f"{jobs.problem} r runs it again."), "bad")]
        if jobs is None or jobs is not self.layers:
            return [] if jobs is None else [("Stopped. r runs it again.", "warn")]
        return [(f"Stopped with {len(jobs.results)} of {jobs.layers} layers. r goes on.", "warn")]


_STOPS = (" · esc stops", "dim")
