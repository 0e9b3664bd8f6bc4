"""What the Concepts view asks of the engine: the shapes of both models, then layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.jobs.layer_jobs import LayerJobs
from app.jobs.pair_jobs import PairJobs

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from app.workspace import PairWorkspace, SessionLike


class ConceptJobs(PairJobs):
    """The parts are the layers of one expert, or of a dense model."""

    def __init__(
        self, workspace: PairWorkspace, session: SessionLike, listener: MessagePump
    ) -> None:
        super().__init__(workspace, session, listener)
        self._of_expert: dict[int, LayerJobs] = {}

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
            built = self.architectures[0]
            # Some layers of a mixture may be dense.
            experts = [expert if expert in built.experts_in(n) else -1 for n in range(built.layers)]
            ask = self._workspace.concepts_request
            self._of_expert[expert] = self._jobs([(ask(n, e),) for n, e in enumerate(experts)])
        self.parts = self._of_expert[expert]
        self.parts.run(layer)
