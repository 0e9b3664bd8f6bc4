"""The feed-forward neurons that write a word: cos(w, E_o[word]) of all neurons of a layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from analysis.engine.pool import ModelPool, layer_patterns, layer_weights
from analysis.events import Steps
from analysis.neurons.request import WordNeuronsRequest
from analysis.neurons.result import WordNeurons
from analysis.problems import problem
from analysis.words.compute.lexicon import output_words


def word_neurons(request: WordNeuronsRequest, models: ModelPool) -> Steps[WordNeurons]:
    """The cosine of every neuron's row of the down projection with the word's output embedding.

    Raises:
        ProblemError: ``input`` if the word is not in the request's list; or the model or its words
            cannot be used.
    """
    words, embeddings = yield from output_words(request.model, request.words, models)
    weights = yield from layer_weights(request.model, request.layer, models)
    vector = embeddings[_index(request.word, words.words)].float()
    found = []
    for expert in range(weights.experts_in(request.layer)) or (-1,):
        rows = layer_patterns(weights, request.model, request.layer, expert).to(vector.device)
        lengths = rows.float().norm(dim=1) * vector.norm()
        found.append(rows.float() @ vector / torch.where(lengths > 0, lengths, 1.0))
    return WordNeurons(
        model=request.model.name,
        layer=request.layer,
        word=request.word,
        cosines=torch.cat(found).cpu().numpy(),
    )


def _index(word: str, words: Sequence[str]) -> int:
    """The index of the word, or else of a case variant."""
    for form in (str, str.casefold):
        for index, each in enumerate(words):
            if form(each) == form(word):
                return index
    raise problem(
        "input",
        f"“{word}” is none of the {len(words):,} words.",
        remedy="Choose another one, or give words of your own with --vocab.",
    )
