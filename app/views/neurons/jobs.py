"""The Components view's requests: shapes, then each category's frequencies; one neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.neurons.gather import Place, direction_ask, frequency_asks
from analysis.neurons.instructions import InstructionSet
from analysis.neurons.result import Frequencies, NeuronDirection
from app.jobs.pair_jobs import PairJobs
from app.views.neurons.text import UNLIKE, WAITING

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from app.workspace import PairWorkspace, SessionLike


class ComponentJobs(PairJobs):
    """Parts are categories; the opened thing is what the neuron at `place` writes in each model."""

    UNLIKE = UNLIKE
    WAITING = WAITING

    def __init__(
        self,
        workspace: PairWorkspace,
        session: SessionLike,
        listener: MessagePump,
        instructions: InstructionSet,
    ) -> None:
        """Args: the models; where to submit; what receives `Watch.Changed`; the instructions."""
        super().__init__(workspace, session, listener)
        self._instructions = instructions
        self.place: Place | None = None

    @property
    def directions(self) -> tuple[NeuronDirection, NeuronDirection] | None:
        """What the opened neuron writes in either model; None until known."""
        return None if self.opened is None else self.opened.both(0)

    def begin_categories(self) -> None:
        """Request the frequencies of all categories, one after the other."""
        asks = frequency_asks(self._workspace.pair, self._instructions)
        self.parts = self._jobs(asks, kind="categories")
        self.parts.run(0)

    def taken(self, category: int) -> tuple[Frequencies, Frequencies]:
        """A category's frequencies in base and tuned model; no longer kept here afterwards."""
        assert self.parts is not None
        both = self.parts.both(category)
        assert both is not None
        # At 7B a category takes 28 MB; the atlas stores it in half of that.
        self.parts.results[category] = ()
        return both

    def open_neuron(self, place: Place) -> None:
        """Request what a neuron writes, cancelling the request for another one."""
        self.place = place
        self._open(direction_ask(self._workspace.pair, place, self._workspace.words))
