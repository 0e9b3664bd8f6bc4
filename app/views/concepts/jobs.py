"""What the Concepts view asks of the engine: the shapes of both models, then layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from analysis.concepts.gather import concept_asks, places_of
from app.jobs.layer_jobs import LayerJobs
from app.jobs.pair_jobs import PairJobs

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.concepts.result import LayerConcepts
    from app.workspace import PairWorkspace, SessionLike


class ConceptJobs(PairJobs):
    """The parts are the layers of one expert, or of a dense model."""

    def __init__(
        self, workspace: PairWorkspace, session: SessionLike, listener: MessagePump
    ) -> None:
        super().__init__(workspace, session, listener)
        self._of_expert: dict[int, LayerJobs[LayerConcepts]] = {}

    def turn_to(self, expert: int, layer: int) -> None:
        """Ask for the layers of an expert, this layer first; those of another one wait.

        Args:
            expert: From 0; -1 in a dense model.
            layer: From 0.
        """
        assert self.architectures is not None
        if self.parts is not None:
            self.parts.stop()
        if expert not in self._of_expert:
            work, places = self._workspace, places_of(self.architectures[0], expert)
            asks = concept_asks(work.pair, places, work.words)
            # Which expert it is stands elsewhere.
            named = [replace(ask, name=f"layer {layer}") for layer, ask in enumerate(asks)]
            self._of_expert[expert] = self._jobs(named)
        self.parts = self._of_expert[expert]
        self.parts.run(layer)
