"""What the Components view asks of the engine: shapes, then category by category; one neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from analysis.instruction_sets import InstructionSet
from analysis.requests import ArchitectureRequest, FrequenciesRequest, NeuronDirectionRequest
from analysis.results import Architecture, Frequencies, NeuronDirection
from app.layer_jobs import LayerJobs, Step
from app.terminal_text import prose
from app.widgets.lines import Line

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from app.watch import Watch
    from app.workspace import PairWorkspace, SessionLike

Kind = Literal["shapes", "categories", "neuron"]
Place = tuple[int, int, int]
"""Layer, expert (-1 in a dense layer) and neuron."""


class ComponentJobs:
    """The requests and how far they are; holds no widgets.

    Attributes:
        shapes: What the two models are built of, asked once.
        categories: The frequencies of every category; None until the shapes are known.
        neuron: What one neuron writes in either model; None until one is opened.
        place: Which neuron that is.
    """

    def __init__(
        self,
        workspace: PairWorkspace,
        session: SessionLike,
        listener: MessagePump,
        instructions: InstructionSet,
    ) -> None:
        """Args: which models; where to ask; what receives `Watch.Changed`; what they are given."""
        self._workspace, self._session, self._listener = workspace, session, listener
        self._instructions = instructions
        self._models = workspace.base, workspace.tuned
        asked = tuple(ArchitectureRequest(model) for model in self._models)
        self.shapes = LayerJobs(session, listener, [asked])
        self.categories: LayerJobs | None = None
        self.neuron: LayerJobs | None = None
        self.place: Place | None = None
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
    def directions(self) -> tuple[NeuronDirection, NeuronDirection] | None:
        """What the neuron that was opened writes in either model; None until it is there."""
        if self.neuron is None or not self.neuron.results:
            return None
        base, tuned = self.neuron.results[0]
        assert isinstance(base, NeuronDirection)
        assert isinstance(tuned, NeuronDirection)
        return base, tuned

    def begin_categories(self) -> None:
        """Ask for the frequencies of all categories, one after the other."""
        named = self._instructions.categories
        requests = []
        for category in named:
            prompts = tuple(each.prompt for each in self._instructions.of(category))
            requests.append(
                tuple(FrequenciesRequest(model, category, prompts) for model in self._models)
            )
        self.categories = LayerJobs(
            self._session,
            self._listener,
            requests,
            kind="categories",
            names=[prose(name) for name in named],
        )
        self.categories.run(0)

    def taken(self, category: int) -> tuple[Frequencies, Frequencies]:
        """The frequencies of a category in base and tuned model, handed over: not kept here."""
        assert self.categories is not None
        base, tuned = self.categories.results[category]
        assert isinstance(base, Frequencies)
        assert isinstance(tuned, Frequencies)
        # At 7B a category takes 28 MB, and the atlas holds it in half of that.
        self.categories.results[category] = ()
        return base, tuned

    def open_neuron(self, place: Place) -> None:
        """Ask what a neuron writes; another one is given up."""
        if self.place == place and self.neuron is not None:
            self.neuron.run(0)
            return
        if self.neuron is not None:
            self.neuron.stop()
        layer, expert, neuron = place
        words = self._workspace.words
        asked = tuple(
            NeuronDirectionRequest(model, layer, neuron, words, expert) for model in self._models
        )
        self.place = place
        self.neuron = LayerJobs(self._session, self._listener, [asked])
        self.neuron.run(0)

    def apply(self, watch: Watch) -> tuple[Kind, Step] | None:
        """Take in what a watch has to tell; None where it is none of these."""
        kinds: tuple[Kind, ...] = ("shapes", "categories", "neuron")
        for kind, jobs in zip(kinds, (self.shapes, self.categories, self.neuron), strict=True):
            step = None if jobs is None else jobs.apply(watch)
            if step is not None:
                return kind, step
        return None

    @property
    def running(self) -> LayerJobs | None:
        """What the user waits for most; None when nothing runs."""
        jobs = (self.neuron, self.categories, self.shapes)
        return next((each for each in jobs if each is not None and each.layer is not None), None)

    @property
    def unfinished(self) -> LayerJobs | None:
        """What failed or was stopped; None when everything is there or runs."""
        jobs = (self.shapes, self.neuron, self.categories)
        return next((each for each in jobs if each is not None and each.can_run), None)

    def run_again(self) -> None:
        """Go on with what failed or was stopped."""
        if self.unfinished is not None:
            self.unfinished.run(0)

    def stop(self) -> bool:
        """Give up everything that runs; whether anything did."""
        running = self.running is not None
        for jobs in (self.shapes, self.categories, self.neuron):
            if jobs is not None:
                jobs.stop()
        return running

    def going_on(self, *, engine_starting: bool) -> Line:
        """One harmless line on what runs, went wrong or was stopped; empty when all is there."""
        if self.running is not None:
            waiting = "the engine is starting" if engine_starting else "the engine has other work"
            return [(self.running.words() or waiting, ""), (" · esc stops", "dim")]
        jobs = self.unfinished
        if jobs is None:
            return []
        if jobs.problem is not None:
            return [(prose(f"{jobs.problem} r runs it again."), "bad")]
        if jobs is not self.categories:
            return [("Stopped. r runs it again.", "warn")]
        done = f"{len(jobs.results)} of {jobs.layers} categories"
        return [(f"Stopped with {done}. r goes on.", "warn")]
