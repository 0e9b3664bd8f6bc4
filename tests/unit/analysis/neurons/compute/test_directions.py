"""What a neuron writes, against the loaded model's own matrices, in float64 and word by word."""

from __future__ import annotations

from pathlib import Path
from shutil import copy

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
from analysis.request import ModelChoice
from analysis.words.choice import Words
from analysis.words.compute.lexicon import output_words
from tests.support.small_models import small_model

TUNED = resolve("demo-tuned")
WORDS = Words("demo", limit=300)


def answer(function, *given):
    steps = function(*given)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def cosine(one, other):
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


@pytest.fixture(scope="module")
def vectors():
    """The words with their output embeddings."""
    found, embeddings = answer(output_words, TUNED, WORDS, ModelPool())
    return found.words, embeddings.double().numpy()


@pytest.mark.parametrize("rank", [8, 300])
def test_words_and_components_are_those_of_the_neurons_row(vectors, rank):
    words, embeddings = vectors
    request = NeuronDirectionRequest(TUNED, 3, 17, WORDS, rank=rank, top=6, components=5)
    found = answer(neuron_direction, request, ModelPool())
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
    found = answer(neuron_direction, NeuronDirectionRequest(TUNED, 0, 1, WORDS), ModelPool())
    assert found.share == pytest.approx(1.0, abs=1e-4)


def test_the_neurons_of_an_expert_are_its_own(tmp_path):
    folder = tmp_path / "mixture"
    model = small_model("mixtral")
    model.resize_token_embeddings(4096)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        copy(f"{TUNED.location}/{name}", folder / name)
    choice = ModelChoice("mixture", str(folder))
    rows = open_weights(folder).expert_down_projection(1, 2)
    request = NeuronDirectionRequest(choice, 1, 4, Words("demo", limit=5), expert=2, top=3)
    found = answer(neuron_direction, request, ModelPool())
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
    given = {"layer": 0, "neuron": 0} | changed
    with pytest.raises(ProblemError, match=said):
        answer(neuron_direction, NeuronDirectionRequest(TUNED, words=WORDS, **given), ModelPool())
