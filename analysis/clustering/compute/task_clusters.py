"""Analyses task clusters in a trained model: hidden states, clusters and scores by layer.

The instances are all phrasings of all tasks with each of their mappings (METHODS 5, the natural
setting); the state at the last token before the output is clustered.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from analysis.clustering.compute.hidden_states import Gathered, last_states
from analysis.clustering.compute.instances import Instances, instances_of
from analysis.clustering.compute.measures import (
    MOST_FOR_TSNE,
    NeighbourScores,
    clusters,
    neighbour_scores,
    plane,
    reduced,
    scores,
)
from analysis.clustering.request import ClustersRequest
from analysis.clustering.result import METRICS, TaskClusters
from analysis.clustering.tasks.task_set import LABELS
from analysis.engine.loading import LoadedModel
from analysis.engine.memory import free_bytes, readable
from analysis.engine.non_finite import explain_non_finite
from analysis.engine.pool import ModelPool
from analysis.events import Progress, Steps
from analysis.problems import ProblemError, problem

# Share of the memory left free by the model that states may occupy at one time.
_SHARE_OF_MEMORY = 0.25
_TOKENIZED_AT_A_TIME = 256


_STATES = "states to be clustered"


@dataclass
class _Begun:
    """What a run that was stopped, or gave way, leaves to the next one; small.

    Attributes:
        sequences: The tokens of the first instances.
        measures: Of the first of the layers; None before any.
        seconds: Time spent so far.
    """

    sequences: list[tuple[int, ...]] = field(default_factory=list)
    measures: _Measures | None = None
    seconds: float = 0.0


@dataclass
class _States:
    """The states of a few layers, of the one answer that was worked on last.

    They may fill a good part of the memory, so there is one of these for all unfinished answers.

    Attributes:
        key: Of the answer.
        layers: Whose states they are.
        gathered: The states.
    """

    key: str = ""
    layers: range = range(0)
    gathered: Gathered = field(default_factory=Gathered)

    def of(self, key: str, layers: range) -> Gathered:
        """What is gathered of an answer's layers; nothing yet for others than before."""
        if (self.key, self.layers) != (key, layers):
            self.key, self.layers, self.gathered = key, layers, Gathered()
        return self.gathered


def task_clusters(request: ClustersRequest, models: ModelPool) -> Steps[TaskClusters]:
    """Clusters, their scores and nearest neighbours of every layer of a model (METHODS 5).

    Yields progress after every batch of instances and every clustering of a layer. One that was
    closed goes on behind the last batch, or the last whole layer.

    Raises:
        ProblemError: ``input`` if the tasks cannot be used with this model, ``memory`` if there is
            too little, and errors from loading.
    """
    started = time.monotonic()
    loaded = yield from models.get(request.model)
    key = request.key([(yield from models.place(request.model)).mark])
    begun = models.kept(key, _Begun)
    try:
        instances = instances_of(request.tasks, loaded.tokenizer, request.mappings)
        if request.tsne:
            instances = instances.sampled(MOST_FOR_TSNE, request.seed)
        yield from _tokenized(request, loaded, instances, begun.sequences)
        result = yield from models.with_room(
            loaded,
            lambda: _measured(
                request, loaded, instances, begun, models.kept(_STATES, _States), key
            ),
            lambda: _too_little_memory(loaded),
        )
    finally:
        begun.seconds += time.monotonic() - started
    models.forget(key)
    return msgspec.structs.replace(
        result,
        model=request.model.name,
        seconds=begun.seconds,
        device=loaded.facts.device,
        dtype=loaded.facts.dtype,
        notes=(*loaded.facts.notes, *result.notes),
    )


def _too_little_memory(loaded: LoadedModel) -> ProblemError:
    return problem(
        "memory",
        f"The memory of {loaded.device} does not suffice to gather hidden states.",
        f"{readable(free_bytes(loaded.device))} are free beside {loaded.facts.name}.",
        "Give fewer or shorter instances, or choose --dtype bfloat16 or another device.",
    )


def _tokenized(
    request: ClustersRequest,
    loaded: LoadedModel,
    instances: Instances,
    sequences: list[tuple[int, ...]],
) -> Steps[None]:
    """Add the tokens of every further instance up to the one that predicts the output."""
    prompts = instances.prompts()
    window = loaded.facts.context_window
    for prompt in prompts[len(sequences) :]:
        if len(sequences) % _TOKENIZED_AT_A_TIME == 0:
            yield Progress("tokens", len(sequences), len(prompts), "instances")
        tokens = loaded.tokenize(prompt, chat_template=request.chat_template)
        length = len(tokens)
        # Some tokenizers append a special token to every text; no output follows it.
        while not request.chat_template and tokens.spans[length - 1] is None:
            length -= 1
        if window and length > window:
            raise problem(
                "input",
                "An instance is too long for the model.",
                f"It has {length:,} tokens; {loaded.facts.name} reads at most {window:,}.",
                "Shorten the phrasings or the inputs.",
            )
        sequences.append(tokens.ids[:length])


def _measured(
    request: ClustersRequest,
    loaded: LoadedModel,
    instances: Instances,
    begun: _Begun,
    held: _States,
    key: str,
) -> Steps[TaskClusters]:
    """All layers wanted, as many at a time as memory has room for their states."""
    config = loaded.model.config.get_text_config()
    wanted, sequences = request.layers(config.num_hidden_layers + 1), begun.sequences
    if begun.measures is None:
        begun.measures = _Measures(request, instances, len(wanted))
    measures = begun.measures
    while measures.done < len(wanted):
        layers, first = held.layers, wanted[measures.done]
        if held.key != key or first not in layers or held.gathered.states is None:
            room = _SHARE_OF_MEMORY * free_bytes(torch.device("cpu"))
            at_a_time = max(1, int(room // (4 * len(sequences) * config.hidden_size)))
            layers = range(first, min(first + at_a_time, wanted.stop))
        steps = last_states(loaded.model, sequences, layers, held.of(key, layers))
        while True:
            try:
                yield Progress("states", next(steps), len(sequences), "instances")
            except StopIteration as stop:
                states: NDArray[np.float32] = stop.value
                break
        _refuse_not_finite(loaded, sequences, states)
        for layer in layers[first - layers.start :]:
            yield from measures.take(states[layer - layers.start])
        del states, steps
        held.of("", range(0))
    return measures.result(instances)


def _refuse_not_finite(
    loaded: LoadedModel, sequences: Sequence[Sequence[int]], states: NDArray[np.float32]
) -> None:
    """Refuse states [layers, n, D] that are not all finite, with the reason."""
    finite = np.isfinite(states).all(axis=(0, 2))
    if not finite.all():
        ids = sequences[int(np.argmin(finite))]
        raise explain_non_finite(loaded.model, ids, loaded.facts.name)


class _Measures:
    """Collects the measures of every layer's states; `done` layers have theirs."""

    def __init__(self, request: ClustersRequest, instances: Instances, layers: int) -> None:
        self._request = request
        self._labels = instances.labels()
        self._counts = [len(np.unique(each)) for each in self._labels]
        self._outputs = instances.outputs()
        self._one_token = instances.one_token
        self._unseen = instances.unseen()
        training = int((~self._unseen).sum())
        self._k = min(request.neighbours, training) if self._unseen.any() else 0
        self._notes = list(instances.notes)
        if not self._k:
            self._notes.append(
                "Nearest neighbours take five phrasings of a task or more: the fifth is unseen."
            )
        elif self._k < request.neighbours:
            self._notes.append(f"There are {self._k} training instances to be neighbours, no more.")
        self._predicting = min(self._k, int((self._one_token & ~self._unseen).sum()))
        if self._k and not (self._predicting and (self._one_token & self._unseen).any()):
            self._predicting = 0
            self._notes.append("Too few outputs are one token: neighbours predict none.")
        elif self._predicting < self._k:
            self._notes.append(
                f"Outputs are predicted from {self._predicting} neighbours: no more training "
                "instances have outputs of one token."
            )
        for name, distinct in zip(LABELS, self._counts, strict=True):
            if distinct == 1:
                self._notes.append(f"All instances share one {name}: it has no scores.")
        n, m = len(instances.task), len(LABELS)
        self._layers = layers
        self.done = 0
        self._scores = np.full((layers, m, len(METRICS)), np.nan)
        self._clusters = np.zeros((layers, m, n), dtype=np.int32)
        self._map = np.zeros((layers, n, 2), dtype=np.float32)
        self._share = np.full(layers, np.nan)
        self._accuracy = np.full(layers, np.nan)
        self._of_task = np.zeros((layers, int(self._unseen.sum())), dtype=np.int32)
        self._predicted = np.zeros(self._of_task.shape, dtype=np.bool_)

    def take(self, states: NDArray[np.float32]) -> Steps[None]:
        """Measure the next layer's states [n, D]."""
        layer = self.done
        yield self._progress(0)
        seed = self._request.seed
        points = reduced(states, seed=seed) if self._request.tsne else states
        self._map[layer] = plane(points, seed=seed)
        for number, (labels, count) in enumerate(zip(self._labels, self._counts, strict=True)):
            if count > 1:
                found = clusters(points, count, seed=seed)
                agreement = scores(labels, found)
                self._clusters[layer, number] = found
                self._scores[layer, number] = [getattr(agreement, name) for name in METRICS]
            yield self._progress(number + 1)
        if self._k:
            every = np.ones_like(self._unseen)
            near = self._neighbours(states, every, self._k)
            self._share[layer], self._of_task[layer] = near.share, near.of_task
            if self._predicting:
                if not self._one_token.all():
                    near = self._neighbours(states, self._one_token, self._predicting)
                self._accuracy[layer] = near.accuracy
                self._predicted[layer, self._one_token[self._unseen]] = near.predicted
        self.done += 1

    def _neighbours(
        self, states: NDArray[np.float32], chosen: NDArray[np.bool_], k: int
    ) -> NeighbourScores:
        """Neighbours of the chosen unseen instances among the chosen training instances."""
        seen, unseen = chosen & ~self._unseen, chosen & self._unseen
        identity = self._labels[0]
        return neighbour_scores(
            states[seen],
            identity[seen],
            self._outputs[seen],
            states[unseen],
            identity[unseen],
            self._outputs[unseen],
            k=k,
        )

    def result(self, instances: Instances) -> TaskClusters:
        return TaskClusters(
            model=self._request.model.name,
            tasks=instances.tasks,
            task=instances.task,
            phrasing=instances.phrasing,
            mapping=instances.mapping,
            unseen=self._unseen,
            one_token=self._one_token,
            scores=self._scores,
            clusters=self._clusters,
            map=self._map,
            neighbours=self._k,
            neighbour_share=self._share,
            neighbour_accuracy=self._accuracy,
            neighbours_of_task=self._of_task,
            output_predicted=self._predicted,
            tsne=self._request.tsne,
            notes=tuple(self._notes),
            seconds=0.0,
        )

    def _progress(self, labels: int) -> Progress:
        done, count = self.done * len(LABELS) + labels, self._layers * len(LABELS)
        return Progress("clusters", done, count, "labels of layers")
