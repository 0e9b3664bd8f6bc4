"""What the neurons of a list write: their words, asked for as they come into sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.neurons.direction_tables import neuron_words_table
from analysis.neurons.gather import Place, neuron_words_asks
from analysis.neurons.result import NeuronWords
from analysis.problems import Problem
from analysis.table import Table
from app.jobs.layer_jobs import LayerJobs

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.session.drive import Answerer
    from app.jobs.watch import Watch
    from app.workspace import PairWorkspace


class NeuronNames:
    """The words that neurons write in the tuned model, as far as they are known; no widgets.

    `problem` says why there are none; nothing more is asked then.
    """

    def __init__(self) -> None:
        self._known: dict[Place, tuple[str, ...]] = {}
        self._found: list[NeuronWords] = []
        self._jobs: LayerJobs[NeuronWords] | None = None
        self.problem: Problem | None = None

    def ask(
        self,
        workspace: PairWorkspace,
        session: Answerer,
        listener: MessagePump,
        places: Sequence[Place],
    ) -> None:
        """Ask about those of these neurons that are not known, instead of any asked before."""
        unknown = [place for place in places if place not in self._known]
        if not unknown or self.problem is not None:
            return
        self.stop()
        asks = neuron_words_asks(workspace.tuned, unknown, workspace.words)
        self._jobs = LayerJobs(session, listener, asks)
        self._jobs.run(0)

    def stop(self) -> None:
        if self._jobs is not None:
            self._jobs.stop()

    def apply(self, watch: Watch) -> bool:
        """Take in a watch's news; whether more is known now."""
        step = None if self._jobs is None else self._jobs.apply(watch)
        if step is None or self._jobs is None:
            return False
        self.problem = self._jobs.problem
        if step.finished is None:
            return False
        for found in self._jobs.results[step.finished]:
            self._found.append(found)
            for (expert, neuron), words, cosines in zip(
                found.neurons, found.words, found.cosines.tolist(), strict=True
            ):
                # A minus is on the side of words that an active neuron speaks against.
                self._known[found.layer, expert, neuron] = tuple(
                    ("-" if cosine < 0 else "") + word
                    for word, cosine in zip(words, cosines, strict=True)
                )
        return True

    def text(self, place: Place) -> str | None:
        """A neuron's words in one line, not harmless; None before they are known."""
        words = self._known.get(place)
        return None if words is None else " ".join(words)

    def table(self) -> Table:
        """Every neuron known so far with its words and their cosines."""
        return neuron_words_table(self._found)
