"""The words that many neurons of a layer write, without the layer's components (METHODS 3, 6)."""

from __future__ import annotations

import numpy as np
import torch

from analysis.concepts.compute.principal import nearest_words
from analysis.engine.pool import ModelPool, layer_patterns, layer_weights
from analysis.events import Steps
from analysis.neurons.request import NeuronWordsRequest
from analysis.neurons.result import NeuronWords
from analysis.problems import problem
from analysis.words.compute.lexicon import output_words


def neuron_words(request: NeuronWordsRequest, models: ModelPool) -> Steps[NeuronWords]:
    """The words nearest to the row w of the down projection of each neuron asked about.

    Raises:
        ProblemError: There is no such neuron, or the model or words cannot be used.
    """
    words, embeddings = yield from output_words(request.model, request.words, models)
    weights = yield from layer_weights(request.model, request.layer, models)
    rows: dict[tuple[int, int], torch.Tensor] = {}
    for expert in dict.fromkeys(expert for expert, _ in request.neurons):
        patterns = layer_patterns(weights, request.model, request.layer, expert)
        for place in request.neurons:
            if place[0] == expert:
                if not 0 <= place[1] < len(patterns):
                    raise problem(
                        "input",
                        f"There is no neuron {place[1]}.",
                        f"Layer {request.layer} of {request.model.name} has {len(patterns)}.",
                    )
                rows[place] = patterns[place[1]].double()
    if not rows:
        return NeuronWords(request.model.name, request.layer, (), (), np.zeros((0, 0), np.float32))
    found = torch.stack([rows[place] for place in request.neurons]).to(embeddings.device)
    norms = found.norm(dim=1, keepdim=True)
    with torch.no_grad():
        units = found / torch.where(norms > 0, norms, 1.0)
        nearest, cosines = nearest_words(units, embeddings, request.top, "cosine")
    return NeuronWords(
        model=request.model.name,
        layer=request.layer,
        neurons=request.neurons,
        words=tuple(tuple(words.words[each] for each in row) for row in nearest.tolist()),
        cosines=cosines,
    )
