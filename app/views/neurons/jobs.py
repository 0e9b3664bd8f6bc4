"""What the Components view asks of the engine: shapes, then category by category; one neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.neurons.instructions import InstructionSet
from analysis.neurons.request import FrequenciesRequest, NeuronDirectionRequest
from analysis.neurons.result import Frequencies, NeuronDirection
from app.jobs.pair_jobs import PairJobs
from app.terminal.text import prose

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from app.workspace import PairWorkspace, SessionLike

Place = tuple[int, int, int]
"""Layer, expert (-1 in a dense layer) and neuron."""


class ComponentJobs(PairJobs):
    """The parts are categories; what is opened is what one neuron writes in either model.

    Attributes:
        place: Which neuron that is; None before one was opened.
    """

    def __init__(
        self,
        workspace: PairWorkspace,
        session: SessionLike,
        listener: MessagePump,
        instructions: InstructionSet,
    ) -> None:
        """Args: which models; where to ask; what receives `Watch.Changed`; what they are given."""
        super().__init__(workspace, session, listener)
        self._instructions = instructions
        self.place: Place | None = None

    @property
    def directions(self) -> tuple[NeuronDirection, NeuronDirection] | None:
        """What the neuron that was opened writes in either model; None until it is there."""
        return None if self.opened is None else self.opened.both(0, NeuronDirection)

    def begin_categories(self) -> None:
        """Ask for the frequencies of all categories, one after the other."""
        named = self._instructions.categories
        requests = []
        for category in named:
            prompts = tuple(each.prompt for each in self._instructions.of(category))
            requests.append(
                tuple(FrequenciesRequest(model, category, prompts) for model in self._models)
            )
        names = [prose(name) for name in named]
        self.parts = self._jobs(requests, kind="categories", names=names)
        self.parts.run(0)

    def taken(self, category: int) -> tuple[Frequencies, Frequencies]:
        """The frequencies of a category in base and tuned model, handed over: not kept here."""
        assert self.parts is not None
        both = self.parts.both(category, Frequencies)
        assert both is not None
        # At 7B a category takes 28 MB, and the atlas holds it in half of that.
        self.parts.results[category] = ()
        return both

    def open_neuron(self, place: Place) -> None:
        """Ask what a neuron writes; another one is given up."""
        layer, expert, neuron = self.place = place
        words = self._workspace.words
        self._open(
            tuple(
                NeuronDirectionRequest(model, layer, neuron, words, expert)
                for model in self._models
            )
        )
