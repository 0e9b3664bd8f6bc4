"""The neurons that write a word, against the stored matrices, row by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.engine.pool import ModelPool
from analysis.engine.weights import open_weights
from analysis.models.references import resolve
from analysis.neurons.compute.word_neurons import word_neurons
from analysis.neurons.request import WordNeuronsRequest
from analysis.problems import ProblemError
from analysis.words.choice import Words
from analysis.words.compute.lexicon import output_words
from tests.support.component_models import saved_mixture
from tests.support.studies import answered

TUNED = resolve("demo-tuned")
WORDS = Words("demo", limit=300)


def by_row(choice, word, rows):
    """cos(w, E_o[word]) of each row of each matrix, float64."""
    found, embeddings = answered(output_words(choice, WORDS, ModelPool()))
    vector = embeddings[found.words.index(word)].double().numpy()
    return [
        float(row @ vector) / (float(np.linalg.norm(row)) * float(np.linalg.norm(vector)))
        for each in rows
        for row in each.double().numpy()
    ]


def some_word():
    return answered(output_words(TUNED, WORDS, ModelPool()))[0].words[17]


def asked(layer, word, model=TUNED):
    return answered(word_neurons(WordNeuronsRequest(model, layer, word, WORDS), ModelPool()))


def test_every_neuron_of_a_dense_layer_has_its_cosine():
    word = some_word()
    found = asked(3, word)
    expected = by_row(TUNED, word, [open_weights(Path(TUNED.location)).down_projection(3)])
    assert (found.layer, found.word, found.model) == (3, word, "demo-tuned")
    np.testing.assert_allclose(found.cosines, expected, atol=1e-6)


@pytest.mark.parametrize("family", ["mixtral", "qwen2_moe"])
def test_in_a_mixture_the_experts_follow_one_another_the_shared_one_last(tmp_path, family):
    choice, word = saved_mixture(family, tmp_path), some_word()
    weights = open_weights(tmp_path)
    rows = [weights.expert_down_projection(1, each) for each in range(weights.experts_in(1))]
    np.testing.assert_allclose(
        asked(1, word, choice).cosines, by_row(choice, word, rows), atol=1e-6
    )


def test_a_word_in_another_case_is_found_and_none_is_said():
    word = some_word()
    np.testing.assert_array_equal(asked(0, word.upper()).cosines, asked(0, word).cosines)
    with pytest.raises(ProblemError, match="“qzx” is none of the"):
        asked(0, "qzx")


def test_a_layer_that_is_not_there_is_said():
    with pytest.raises(ProblemError, match="no layer 99"):
        asked(99, some_word())
