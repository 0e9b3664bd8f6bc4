"""What the Heads view asks of the engine: shapes of both models, heads by layer, neuron pairs."""

from __future__ import annotations

from analysis.heads.request import NeuronPairsRequest
from analysis.heads.result import NeuronPairs
from app.jobs.pair_jobs import PairJobs


class HeadJobs(PairJobs):
    """The parts are the heads of every layer; what is opened is one head's neuron pairs."""

    @property
    def neuron_pairs(self) -> tuple[NeuronPairs, NeuronPairs] | None:
        """The open head of the base and the tuned model; None until both are known."""
        return None if self.opened is None else self.opened.both(0, NeuronPairs)

    def begin_layers(self, layers: int) -> None:
        """Ask for the heads of so many layers, the first one first."""
        self.parts = self._jobs([self._workspace.head_requests(layer) for layer in range(layers)])
        self.parts.run(0)

    def open_head(self, layer: int, head: int) -> None:
        """Ask for a head's neuron pairs, those of another head are given up."""
        words, vectors = self._workspace.words, self._workspace.vectors
        self._open(
            tuple(NeuronPairsRequest(each, layer, head, words, vectors) for each in self._models)
        )
