"""What the Heads view asks: the word pairs of every layer, and one head's neuron pairs."""

from __future__ import annotations

from msgspec.structs import replace

from analysis.heads.gather import head_ask, layer_asks
from analysis.heads.result import HeadPairs, NeuronPairs
from analysis.request import Ask
from app.jobs.pair_jobs import PairJobs
from app.views.heads.text import UNLIKE


class HeadJobs(PairJobs):
    """Parts are layers of heads; the opened thing is one head's neuron pairs."""

    UNLIKE = UNLIKE

    @property
    def neuron_pairs(self) -> tuple[NeuronPairs, NeuronPairs] | None:
        """The open head of the base and the tuned model; None until both are there."""
        return None if self.opened is None else self.opened.both(0)

    def planned(self) -> list[Ask[HeadPairs]]:
        """All layers; one without heads is asked nothing."""
        assert self.architectures is not None
        work, built = self._workspace, self.architectures[0]
        asks = layer_asks(work.pair, range(built.layers), work.words, work.vectors)
        for gap in built.without_heads:
            asks[gap.layer] = replace(asks[gap.layer], requests=())
        return asks

    def begin_layers(self) -> None:
        """Request all layers that have heads, the first one first."""
        self.parts = self._jobs(self.planned())
        self.parts.run(0)

    def why_no_heads(self, layer: int) -> str:
        """Why a layer has no heads, after its number; empty if it has some."""
        assert self.architectures is not None
        gaps = self.architectures[0].without_heads
        return next((gap.why for gap in gaps if gap.layer == layer), "")

    def open_head(self, layer: int, head: int) -> None:
        """Request a head's neuron pairs, cancelling those of another head."""
        work = self._workspace
        self._open(head_ask(work.pair, layer, head, work.words, work.vectors))
