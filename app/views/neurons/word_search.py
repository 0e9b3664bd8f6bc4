"""The neurons that write a word: requested layer by layer for both models, best first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.neurons.gather import Place, word_asks
from analysis.table import Table
from app.jobs.layer_jobs import LayerJobs
from app.terminal.text import prose
from app.views.neurons.atlas import UnitAtlas
from app.widgets.lines import Line

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.session.drive import Answerer
    from app.workspace import PairWorkspace

LISTED = 1000
"""Maximum number of neurons listed."""


Entry = tuple[int, int]
"""Layer, and index in the layer's arrays."""


class Writer(NamedTuple):
    """A neuron that writes the word.

    `cosines` are cos(w, E[word]) in base and tuned model; `sets` counts the categories' sets it is
    in.
    """

    place: Place
    cosines: tuple[float, float]
    sets: tuple[int, int]


class WordSearch:
    """The search for one word and its results so far; no widgets. `jobs` has its progress."""

    def __init__(
        self,
        word: str,
        workspace: PairWorkspace,
        session: Answerer,
        listener: MessagePump,
        layers: int,
    ) -> None:
        """Args: the word; the models; where to submit; what receives `Watch.Changed`; layers."""
        self.word = word
        asks = word_asks(workspace.pair, range(layers), word, workspace.words)
        self.jobs = LayerJobs(session, listener, asks)
        self._layers = self._places = np.zeros(0, dtype=np.int64)
        self._cosines = np.zeros((2, 0), dtype=np.float32)
        self.jobs.run(0)

    def take(self, layer: int) -> None:
        """Take in a finished layer; only the best neurons overall are kept."""
        new = np.stack([each.cosines for each in self.jobs.results[layer]])
        self.jobs.results[layer] = ()
        layers = np.concatenate([self._layers, np.full(new.shape[1], layer)])
        places = np.concatenate([self._places, np.arange(new.shape[1])])
        cosines = np.concatenate([self._cosines, new], axis=1)
        best = np.argsort(-np.abs(cosines).max(axis=0), kind="stable")[:LISTED]
        self._layers, self._places, self._cosines = layers[best], places[best], cosines[:, best]

    def __len__(self) -> int:
        return len(self._places)

    def writer(self, index: int, atlas: UnitAtlas) -> Writer:
        """The neuron at a list index, by descending |cos| in the model where it is larger."""
        layer, place = self.entry(index)
        base, tuned = (int(each.members[layer][:, place].sum()) for each in atlas.sets("neurons"))
        cosines = float(self._cosines[0, index]), float(self._cosines[1, index])
        return Writer((layer, *atlas.expert_and_neuron(layer, place)), cosines, (base, tuned))

    def entry(self, index: int) -> Entry:
        """The layer and index of the neuron at a list index."""
        return int(self._layers[index]), int(self._places[index])

    def index(self, entry: Entry) -> int:
        """A neuron's list index; the last one if it was displaced."""
        layer, place = entry
        found = np.flatnonzero((self._layers == layer) & (self._places == place))
        return int(found[0]) if len(found) else len(self) - 1

    def table(self, atlas: UnitAtlas) -> Table:
        """The list: word, place of the neuron, cosines and numbers of sets."""
        columns = ("word", "layer", "expert", "neuron", "cosine_base", "cosine_tuned")
        rows = []
        for index in range(len(self)):
            each = self.writer(index, atlas)
            layer, expert, neuron = each.place
            where = layer, None if expert < 0 else expert, neuron
            rows.append((self.word, *where, *each.cosines, *each.sets))
        return Table((*columns, "sets_base", "sets_tuned"), rows)

    def going_on(self) -> Line:
        """One harmless line on what runs, failed or was stopped; empty when done."""
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
        """Whether it stopped or failed and might succeed now; an unknown word would not."""
        problem = self.jobs.problem
        return self.jobs.can_run and (problem is None or problem.kind != "input")
