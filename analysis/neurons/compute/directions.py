"""What a feed-forward neuron writes, as words and concept components (METHODS 3 and 6).

A neuron adds its activation times its row w of the down projection to the hidden state.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.concepts.compute.principal import PrincipalWords, nearest_words, principal_words
from analysis.engine.pool import ModelPool, layer_patterns, layer_weights
from analysis.events import Steps
from analysis.neurons.request import NeuronDirectionRequest
from analysis.neurons.result import NeuronDirection
from analysis.problems import problem
from analysis.words.compute.lexicon import output_words


def neuron_direction(request: NeuronDirectionRequest, models: ModelPool) -> Steps[NeuronDirection]:
    """The words and principal components nearest to a neuron's output direction.

    Raises:
        ProblemError: There is no such neuron, or the model or words cannot be used.
    """
    words, embeddings = yield from output_words(request.model, request.words, models)
    weights = yield from layer_weights(request.model, request.layer, models)
    patterns = layer_patterns(weights, request.model, request.layer, request.expert)
    if not 0 <= request.neuron < len(patterns):
        raise problem(
            "input",
            f"There is no neuron {request.neuron}.",
            f"Layer {request.layer} of {request.model.name} has {len(patterns)} of them.",
        )
    mark = (yield from models.place(request.model)).mark

    def components() -> PrincipalWords:
        return principal_words(
            patterns.to(embeddings.device), embeddings, request.rank, request.top
        )

    # The neurons of a layer share its components.
    own = ("neurons", mark, request.layer, request.expert, request.words, request.rank, request.top)
    found = models.part((*own, embeddings.device), components)
    row = patterns[request.neuron].double().to(embeddings.device)
    norm = float(row.norm())
    unit = row / norm if norm else row
    with torch.no_grad():
        nearest, cosines = nearest_words(unit[None], embeddings, request.top, "cosine")
    along = found.directions.astype(np.float64) @ unit.cpu().numpy()
    first = np.argsort(-np.abs(along), kind="stable")[: request.components]
    return NeuronDirection(
        model=request.model.name,
        layer=request.layer,
        expert=request.expert,
        neuron=request.neuron,
        norm=norm,
        words=_texts(words.words, nearest[0]),
        cosines=cosines[0],
        components=first.astype(np.int32),
        component_cosines=along[first].astype(np.float32),
        explained_variance=found.explained_variance[first],
        component_words=tuple(_texts(words.words, found.word_indices[each]) for each in first),
        component_measures=found.measures[first],
        share=float((along**2).sum()),
        rank=len(along),
        notes=words.notes,
    )


def _texts(words: Sequence[str], indices: NDArray[np.int32]) -> tuple[str, ...]:
    return tuple(words[each] for each in indices.tolist())
