"""The words that many neurons write are those that each of them writes when asked alone."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.engine.pool import ModelPool
from analysis.models.references import resolve
from analysis.neurons.compute.directions import neuron_direction
from analysis.neurons.compute.neuron_words import neuron_words
from analysis.neurons.direction_tables import neuron_words_table, words_table
from analysis.neurons.gather import neuron_words_asks
from analysis.neurons.request import NeuronDirectionRequest, NeuronWordsRequest
from analysis.problems import ProblemError
from analysis.words.choice import Words
from tests.support.component_models import saved_mixture
from tests.support.studies import answered

TUNED = resolve("demo-tuned")
WORDS = Words("demo", limit=300)


@pytest.mark.parametrize("experts", [False, True])
def test_many_neurons_have_the_words_of_each(tmp_path, experts):
    model = saved_mixture("mixtral", tmp_path) if experts else TUNED
    neurons = ((1, 3), (0, 5), (1, 0)) if experts else ((-1, 3), (-1, 40))
    request = NeuronWordsRequest(model, 1, neurons, WORDS, top=6)
    found = answered(neuron_words(request, ModelPool()))
    alone = [
        answered(
            neuron_direction(
                NeuronDirectionRequest(model, 1, neuron, WORDS, expert, rank=4, top=6), ModelPool()
            )
        )
        for expert, neuron in neurons
    ]
    assert found.words == tuple(each.words for each in alone)
    np.testing.assert_allclose(found.cosines, [each.cosines for each in alone], atol=1e-6)
    assert [row[:-1] for row in neuron_words_table([found])] == [
        row[:-1] for row in words_table(alone)
    ]


def test_neurons_are_asked_about_layer_by_layer():
    asks = neuron_words_asks(TUNED, [(4, -1, 7), (2, -1, 1), (4, -1, 0)], WORDS)
    assert [(each.layer, each.neurons) for ask in asks for each in ask.requests] == [
        (4, ((-1, 7), (-1, 0))),
        (2, ((-1, 1),)),
    ]


def test_a_neuron_that_is_not_there_is_said():
    with pytest.raises(ProblemError, match="no neuron 100000"):
        answered(neuron_words(NeuronWordsRequest(TUNED, 0, ((-1, 100_000),), WORDS), ModelPool()))
