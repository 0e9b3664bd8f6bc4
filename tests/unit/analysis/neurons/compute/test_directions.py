"""What a neuron writes, against the loaded model's own matrices, in float64 and word by word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.concepts.compute.principal import principal_words
from analysis.engine.pool import ModelPool
from analysis.engine.weights import open_weights
from analysis.models.references import resolve
from analysis.neurons.compute.directions import neuron_direction
from analysis.neurons.request import NeuronDirectionRequest
from analysis.problems import ProblemError
from analysis.words.choice import Words
from analysis.words.compute.lexicon import output_words
from tests.support.component_models import saved_mixture
from tests.support.studies import answered

TUNED = resolve("demo-tuned")
WORDS = Words("demo", limit=300)


def direction(**given):
    given = {"model": TUNED, "layer": 0, "neuron": 1, "words": WORDS} | given
    return answered(neuron_direction(NeuronDirectionRequest(**given), ModelPool()))


def cosine(one, other):
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


@pytest.fixture(scope="module")
def vectors():
    """The words with their output embeddings."""
    found, embeddings = answered(output_words(TUNED, WORDS, ModelPool()))
    return found.words, embeddings.double().numpy()


@pytest.mark.parametrize("rank", [8, 300])
def test_words_and_components_are_those_of_the_neurons_row(vectors, rank):
    words, embeddings = vectors
    found = direction(layer=3, neuron=17, rank=rank, top=6, components=5)
    patterns = open_weights(Path(TUNED.location)).down_projection(3).double()
    row = patterns[17].numpy()

    expected = {word: cosine(row, each) for word, each in zip(words, embeddings, strict=True)}
    best = sorted(expected, key=lambda word: -abs(expected[word]))[:6]
    assert found.words == tuple(best)
    assert found.cosines.tolist() == pytest.approx([expected[word] for word in best], abs=1e-6)
    assert found.norm == pytest.approx(float(np.linalg.norm(row)))

    components = principal_words(patterns, torch.tensor(embeddings), rank, 6)
    along = [cosine(row, each.astype(np.float64)) for each in components.directions]
    order = sorted(range(len(along)), key=lambda each: -abs(along[each]))[:5]
    assert found.components.tolist() == order
    assert found.component_cosines.tolist() == pytest.approx([along[n] for n in order], abs=1e-5)
    assert found.share == pytest.approx(sum(each**2 for each in along), abs=1e-5)
    assert found.rank == len(along)
    for place, component in enumerate(order):
        listed = [words[each] for each in components.word_indices[component].tolist()]
        assert found.component_words[place] == tuple(listed)
        assert found.component_measures[place].tolist() == pytest.approx(
            components.measures[component].tolist(), abs=1e-5
        )
    assert found.explained_variance.tolist() == pytest.approx(
        components.explained_variance[order].tolist(), rel=1e-5
    )


def test_the_whole_space_holds_all_of_a_direction():
    assert direction().share == pytest.approx(1.0, abs=1e-4)


def test_the_neurons_of_an_expert_are_its_own(tmp_path):
    mixture = saved_mixture("mixtral", tmp_path)
    rows = open_weights(tmp_path).expert_down_projection(1, 2)
    words = Words("demo", limit=5)
    found = direction(model=mixture, layer=1, neuron=4, words=words, expert=2, top=3)
    assert found.norm == pytest.approx(float(rows[4].norm()), rel=1e-5)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"neuron": 100_000}, "no neuron 100000"),
        ({"neuron": -1}, "no neuron -1"),
        ({"layer": 99}, "no layer 99"),
        ({"expert": 0}, "no expert 0"),
    ],
)
def test_what_is_not_there_is_said(changed, said):
    with pytest.raises(ProblemError, match=said):
        direction(**changed)
