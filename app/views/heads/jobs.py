"""What the Heads view asks of the engine: shapes of both models, heads by layer, neuron pairs."""

from __future__ import annotations

from analysis.heads.gather import head_ask, layer_asks
from analysis.heads.result import NeuronPairs
from app.jobs.pair_jobs import PairJobs


class HeadJobs(PairJobs):
    """The parts are the heads of every layer; what is opened is one head's neuron pairs."""

    @property
    def neuron_pairs(self) -> tuple[NeuronPairs, NeuronPairs] | None:
        """The open head of the base and the tuned model; None until both are known."""
        return None if self.opened is None else self.opened.both(0)

    def begin_layers(self, layers: int) -> None:
        """Ask for the heads of so many layers, the first one first."""
        work = self._workspace
        self.parts = self._jobs(layer_asks(work.pair, range(layers), work.words, work.vectors))
        self.parts.run(0)

    def open_head(self, layer: int, head: int) -> None:
        """Ask for a head's neuron pairs, those of another head are given up."""
        work = self._workspace
        self._open(head_ask(work.pair, layer, head, work.words, work.vectors))
