"""Analyses of weights read from disk say what the loaded model's own matrices say."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from analysis.concepts.compute.analyses import concepts
from analysis.concepts.compute.principal import principal_words
from analysis.concepts.request import ConceptsRequest
from analysis.demo.catalog import VECTORS_NAME, WEIGHTS
from analysis.engine.facts import describe
from analysis.engine.pool import ModelPool
from analysis.events import Progress
from analysis.heads.compute.analyses import head_pairs, neuron_pairs
from analysis.heads.compute.word_pairs import explanation, head_word_pairs
from analysis.heads.request import HeadPairsRequest, NeuronPairsRequest
from analysis.models.references import resolve
from analysis.models.request import ArchitectureRequest
from analysis.problems import ProblemError
from analysis.words.choice import Words, WordVectors
from analysis.words.compute.thresholds import similarity_thresholds
from tests.support.studies import driven

BASE, TUNED = resolve("demo-base"), resolve("demo-tuned")
WORDS = Words("demo", limit=400)


def answer(function, request):
    """An analysis' result and the events before it."""
    return driven(function(request, ModelPool()))


@pytest.fixture(scope="module")
def models():
    return {
        name: AutoModelForCausalLM.from_pretrained(WEIGHTS / name, dtype=torch.float32)
        for name in ("demo-base", "demo-tuned")
    }


@pytest.fixture(scope="module")
def words():
    """The demo's words with their vectors, straight from the archive."""
    with np.load(WEIGHTS / VECTORS_NAME) as archive:
        vectors = archive["vectors"][:400].astype(np.float32)
        return archive["words"][:400].tolist(), vectors


def mean_rows(matrix, words):
    """The mean of the token rows of " word", a token that is nothing but the space left out."""
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / "demo-base")
    rows = []
    for word in words:
        ids = tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
        ids = ids[1:] if tokenizer.decode(ids[:1]) == " " else ids
        rows.append(matrix[ids].mean(0))
    return torch.stack(rows).detach()


def test_heads_are_those_of_the_loaded_model(models, words):
    listed, vectors = words
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found, events = answer(head_pairs, HeadPairsRequest(TUNED, 3, WORDS, WordVectors("demo")))
    layer = models["demo-tuned"].model.layers[3]
    norm = layer.input_layernorm.weight.detach()
    embeddings = mean_rows(models["demo-tuned"].model.embed_tokens.weight, listed)
    width = found.neuron_pairs
    for head in range(found.heads):
        own = slice(head * width, (head + 1) * width)
        expected = explanation(
            head_word_pairs(
                embeddings,
                norm[:, None] * layer.self_attn.q_proj.weight.detach()[own].T,
                norm[:, None] * layer.self_attn.k_proj.weight.detach()[own].T,
                vectors,
                similarity_thresholds(vectors),
            )
        )
        part = slice(*found.starts[head : head + 2])
        told = [
            (listed.index(found.words[a]), listed.index(found.words[b]), n)
            for a, b, n in zip(
                found.first[part], found.second[part], found.count[part], strict=True
            )
        ]
        assert told == expected
        assert told
    assert found.vocabulary == 400
    assert Progress("heads", 8, 8, "heads") in events


def test_neuron_pairs_of_a_head_count_up_to_its_pairs():
    request = NeuronPairsRequest(BASE, 2, 5, WORDS, WordVectors("demo"))
    neurons, _ = answer(neuron_pairs, request)
    whole, _ = answer(head_pairs, HeadPairsRequest(BASE, 2, WORDS, WordVectors("demo")))
    pairs = zip(neurons.first, neurons.second, strict=True)
    counted = Counter((neurons.words[a], neurons.words[b]) for a, b in pairs)
    part = slice(*whole.starts[5:7])
    told = {
        (whole.words[a], whole.words[b]): n
        for a, b, n in zip(whole.first[part], whole.second[part], whole.count[part], strict=True)
    }
    assert told == {pair: count for pair, count in counted.items() if count > 1}
    assert bool((neurons.score > 0).all())


def test_without_vectors_the_base_models_embeddings_stand_in_and_are_named():
    vectors = WordVectors("embeddings", model=BASE)
    found, _ = answer(head_pairs, HeadPairsRequest(TUNED, 0, WORDS, vectors))
    assert any("input embeddings of demo-base stand in" in note for note in found.notes)
    assert len(found.first)


def test_components_are_those_of_the_loaded_models(models, words):
    found, _ = answer(concepts, ConceptsRequest(BASE, TUNED, 5, WORDS, rank=20, top=6))
    for side, name in ((found.base, "demo-base"), (found.tuned, "demo-tuned")):
        w_down = models[name].model.layers[5].mlp.down_proj.weight.detach().T
        expected = principal_words(
            w_down, mean_rows(models[name].lm_head.weight, words[0]), rank=20, k=6
        )
        told = [[side.words[i] for i in row] for row in side.word_indices]
        assert told == [[words[0][i] for i in row] for row in expected.word_indices]
        np.testing.assert_allclose(side.measures, expected.measures, atol=1e-5)
        np.testing.assert_allclose(side.explained_variance, expected.explained_variance, rtol=1e-5)
    assert found.angles.shape == (20,)
    assert bool(((found.angles >= 0) & (found.angles <= 90)).all())


def test_a_model_is_not_turned_against_itself():
    found, _ = answer(concepts, ConceptsRequest(BASE, BASE, 1, WORDS, rank=30))
    assert found.matched.tolist() == list(range(30))
    assert float(found.angles.max()) < 1e-3


def test_an_architecture_is_read_without_the_weights():
    found, _ = answer(describe, ArchitectureRequest(BASE))
    assert (found.layers, found.heads, found.head_dim, found.experts) == (8, 8, 18, 0)
    tuned, _ = answer(describe, ArchitectureRequest(TUNED))
    assert found.is_built_like(tuned)
    assert not found.is_built_like(msgspec.structs.replace(tuned, heads=4))


@pytest.mark.parametrize(
    ("function", "request_", "said"),
    [
        (head_pairs, HeadPairsRequest(BASE, 8, WORDS, WordVectors("demo")), "There is no layer 8"),
        (
            neuron_pairs,
            NeuronPairsRequest(BASE, 0, 8, WORDS, WordVectors("demo")),
            "There is no head 8",
        ),
        (concepts, ConceptsRequest(BASE, TUNED, 0, WORDS, expert=0), "has no expert 0"),
    ],
)
def test_what_a_model_does_not_have_is_said(function, request_, said):
    with pytest.raises(ProblemError, match=said) as raised:
        answer(function, request_)
    assert raised.value.problem.kind == "input"
