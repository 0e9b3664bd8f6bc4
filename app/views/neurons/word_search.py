"""The neurons that write a word: asked layer by layer of both models, the best first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.neurons.gather import Place, word_asks
from analysis.table import Table
from app.jobs.layer_jobs import LayerJobs
from app.terminal.text import prose
from app.views.neurons.atlas import ComponentAtlas
from app.widgets.lines import Line

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from app.workspace import PairWorkspace, SessionLike

LISTED = 1000
"""How many neurons are listed."""


Entry = tuple[int, int]
"""Layer, and place in the layer's arrays."""


class Writer(NamedTuple):
    """A neuron that writes the word.

    Attributes:
        place: Which neuron.
        cosines: cos(w, E[word]) in base and tuned model.
        sets: (base, tuned), in how many categories' sets it is.
    """

    place: Place
    cosines: tuple[float, float]
    sets: tuple[int, int]


class WordSearch:
    """What was asked about a word, and what is there of it; no widgets.

    Attributes:
        word: The word.
        jobs: How far it is.
    """

    def __init__(
        self,
        word: str,
        workspace: PairWorkspace,
        session: SessionLike,
        listener: MessagePump,
        layers: int,
    ) -> None:
        """Args: the word; whose neurons; where to ask; what receives `Watch.Changed`; layers."""
        self.word = word
        asks = word_asks(workspace.pair, range(layers), word, workspace.words)
        self.jobs = LayerJobs(session, listener, asks)
        self._layers = self._places = np.zeros(0, dtype=np.int64)
        self._cosines = np.zeros((2, 0), dtype=np.float32)
        self.jobs.run(0)

    def take(self, layer: int) -> None:
        """Take in a layer that is there: of it too only the best are kept."""
        new = np.stack([each.cosines for each in self.jobs.results[layer]])
        self.jobs.results[layer] = ()
        layers = np.concatenate([self._layers, np.full(new.shape[1], layer)])
        places = np.concatenate([self._places, np.arange(new.shape[1])])
        cosines = np.concatenate([self._cosines, new], axis=1)
        best = np.argsort(-np.abs(cosines).max(axis=0), kind="stable")[:LISTED]
        self._layers, self._places, self._cosines = layers[best], places[best], cosines[:, best]

    def __len__(self) -> int:
        """How many neurons are listed."""
        return len(self._places)

    def writer(self, index: int, atlas: ComponentAtlas) -> Writer:
        """The neuron at a place of the list, by falling |cos| in the model where it is larger."""
        layer, place = self.entry(index)
        base, tuned = (int(each.members[layer][:, place].sum()) for each in atlas.sets("neurons"))
        cosines = float(self._cosines[0, index]), float(self._cosines[1, index])
        return Writer((layer, *atlas.expert_and_neuron(layer, place)), cosines, (base, tuned))

    def entry(self, index: int) -> Entry:
        """Which neuron stands at a place of the list."""
        return int(self._layers[index]), int(self._places[index])

    def index(self, entry: Entry) -> int:
        """Where a neuron stands in the list; the end where others took its place."""
        layer, place = entry
        found = np.flatnonzero((self._layers == layer) & (self._places == place))
        return int(found[0]) if len(found) else len(self) - 1

    def table(self, atlas: ComponentAtlas) -> Table:
        """What is listed: word, place of the neuron, cosines and numbers of sets."""
        columns = ("word", "layer", "expert", "neuron", "cosine_base", "cosine_tuned")
        rows = []
        for index in range(len(self)):
            each = self.writer(index, atlas)
            layer, expert, neuron = each.place
            where = layer, None if expert < 0 else expert, neuron
            rows.append((self.word, *where, *each.cosines, *each.sets))
        return Table((*columns, "sets_base", "sets_tuned"), rows)

    def going_on(self) -> Line:
        """One harmless line on what runs, went wrong or was stopped; empty when all is there."""
        if self.jobs.layer is not None:
            return [(self.jobs.words() or "reading the weights", ""), (" · esc stops", "dim")]
        if self.jobs.problem is not None:
            again = " r runs it again." if self.can_run else ""
            return [(prose(f"{self.jobs.problem}{again}"), "bad")]
        if not self.jobs.can_run:
            return []
        done = f"{len(self.jobs.results)} of {self.jobs.layers} layers"
        return [(f"Stopped with {done}. r goes on.", "warn")]

    @property
    def can_run(self) -> bool:
        """Whether it was stopped or failed and may end otherwise; an unknown word will not."""
        problem = self.jobs.problem
        return self.jobs.can_run and (problem is None or problem.kind != "input")
