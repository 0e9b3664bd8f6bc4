"""The neurons that write a word, against the stored matrices, row by row."""

from __future__ import annotations

from pathlib import Path
from shutil import copy

import numpy as np
import pytest

from analysis.engine.pool import ModelPool
from analysis.engine.weights import open_weights
from analysis.models.references import resolve
from analysis.neurons.compute.word_neurons import word_neurons
from analysis.neurons.request import WordNeuronsRequest
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.words.choice import Words
from analysis.words.compute.lexicon import output_words
from tests.support.component_models import answered
from tests.support.small_models import small_model

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
    found, _ = answered(output_words(TUNED, WORDS, ModelPool()))
    return found.words[17]


def test_every_neuron_of_a_dense_layer_has_its_cosine():
    word = some_word()
    found = answered(word_neurons(WordNeuronsRequest(TUNED, 3, word, WORDS), ModelPool()))
    expected = by_row(TUNED, word, [open_weights(Path(TUNED.location)).down_projection(3)])
    assert (found.layer, found.word, found.model) == (3, word, "demo-tuned")
    np.testing.assert_allclose(found.cosines, expected, atol=1e-6)


@pytest.mark.parametrize("family", ["mixtral", "qwen2_moe"])
def test_in_a_mixture_the_experts_follow_one_another_the_shared_one_last(tmp_path, family):
    model = small_model(family)
    model.resize_token_embeddings(4096)
    model.save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        copy(f"{TUNED.location}/{name}", tmp_path / name)
    choice, word = ModelChoice("mixture", str(tmp_path)), some_word()
    weights = open_weights(tmp_path)
    rows = [weights.expert_down_projection(1, each) for each in range(weights.experts_in(1))]
    found = answered(word_neurons(WordNeuronsRequest(choice, 1, word, WORDS), ModelPool()))
    np.testing.assert_allclose(found.cosines, by_row(choice, word, rows), atol=1e-6)


def test_a_word_in_another_case_is_found_and_none_is_said():
    word = some_word()
    asked = WordNeuronsRequest(TUNED, 0, word.upper(), WORDS)
    same = answered(word_neurons(WordNeuronsRequest(TUNED, 0, word, WORDS), ModelPool()))
    found = answered(word_neurons(asked, ModelPool()))
    np.testing.assert_array_equal(found.cosines, same.cosines)
    with pytest.raises(ProblemError, match="“qzx” is none of the"):
        answered(word_neurons(WordNeuronsRequest(TUNED, 0, "qzx", WORDS), ModelPool()))


def test_a_layer_that_is_not_there_is_said():
    with pytest.raises(ProblemError, match="no layer 99"):
        answered(word_neurons(WordNeuronsRequest(TUNED, 99, some_word(), WORDS), ModelPool()))
