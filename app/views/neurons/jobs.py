"""What the Components view asks of the engine: shapes, then category by category; one neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.neurons.gather import Place, direction_ask, frequency_asks
from analysis.neurons.instructions import InstructionSet
from analysis.neurons.result import Frequencies, NeuronDirection
from app.jobs.pair_jobs import PairJobs

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from app.workspace import PairWorkspace, SessionLike


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
        return None if self.opened is None else self.opened.both(0)

    def begin_categories(self) -> None:
        """Ask for the frequencies of all categories, one after the other."""
        asks = frequency_asks(self._workspace.pair, self._instructions)
        self.parts = self._jobs(asks, kind="categories")
        self.parts.run(0)

    def taken(self, category: int) -> tuple[Frequencies, Frequencies]:
        """The frequencies of a category in base and tuned model, handed over: not kept here."""
        assert self.parts is not None
        both = self.parts.both(category)
        assert both is not None
        # At 7B a category takes 28 MB, and the atlas holds it in half of that.
        self.parts.results[category] = ()
        return both

    def open_neuron(self, place: Place) -> None:
        """Ask what a neuron writes; another one is given up."""
        self.place = place
        self._open(direction_ask(self._workspace.pair, place, self._workspace.words))
