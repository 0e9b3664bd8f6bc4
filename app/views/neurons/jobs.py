"""The requests of the Neurons view, and the instructions that both models read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from analysis.neurons.gather import Place, direction_ask, frequency_asks
from analysis.neurons.instructions import (
    InstructionSet,
    demo_instructions,
    instructions_from_file,
    natural_instructions,
)
from analysis.neurons.result import Frequencies, NeuronDirection
from analysis.request import Ask
from app.jobs.pair_jobs import PairJobs
from app.views.neurons.text import UNLIKE, WAITING
from app.widgets.file_bar import FileBar

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.session.drive import Answerer
    from app.workspace import PairWorkspace

_SHIPPED = {"demo": demo_instructions, "natural": natural_instructions}


class InstructionsBar(FileBar[InstructionSet]):
    """Reads a set of instructions."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(f"instructions: a file of JSON lines, or {' or '.join(_SHIPPED)}", id=id)

    def _shipped(self, name: str) -> InstructionSet | None:
        return _SHIPPED[name]() if name in _SHIPPED else None

    def _read(self, path: Path, *, skip: bool) -> InstructionSet:
        return instructions_from_file(path, skip_malformed=skip)

    def _amount(self, content: InstructionSet) -> str:
        return f"{len(content):,} instructions"


class NeuronJobs(PairJobs):
    """Parts are categories; the opened thing is what the neuron at `place` writes in each model."""

    UNLIKE = UNLIKE
    WAITING = WAITING

    def __init__(
        self,
        workspace: PairWorkspace,
        session: Answerer,
        listener: MessagePump,
        instructions: InstructionSet,
    ) -> None:
        """Args: the models; where to submit; what receives `Watch.Changed`; the instructions."""
        super().__init__(workspace, session, listener)
        self.instructions = instructions
        self.place: Place | None = None

    @property
    def directions(self) -> tuple[NeuronDirection, NeuronDirection] | None:
        """What the opened neuron writes in either model; None until known."""
        return None if self.opened is None else self.opened.both(0)

    def planned(self) -> list[Ask[Frequencies]]:
        """The frequencies of all categories."""
        return frequency_asks(self._workspace.pair, self.instructions)

    def begin_categories(self) -> None:
        """Request all categories, one after the other."""
        self.parts = self._jobs(self.planned(), kind="categories")
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
