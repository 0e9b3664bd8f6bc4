"""Word pairs of attention heads agree exactly with plain loops over neurons and words."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from analysis.heads.compute.word_pairs import (
    explanation,
    head_word_pairs,
    layer_word_pairs,
    neuron_word_pairs,
)
from analysis.words.compute.thresholds import similarity_thresholds


def reference_neurons(embeddings, w_q, w_k, vectors, thresholds, k):
    """Per neuron pair {(a, b): q · k}, by the text of METHODS 2, one number at a time."""
    embeddings, w_q, w_k, vectors = (
        np.asarray(each, dtype=np.float64) for each in (embeddings, w_q, w_k, vectors)
    )
    words = range(len(embeddings))
    for i in range(w_q.shape[1]):
        q = [float(sum(embeddings[w] * w_q[:, i])) for w in words]
        key = [float(sum(embeddings[w] * w_k[:, i])) for w in words]
        top_q = sorted(words, key=lambda w, of=q: (-abs(of[w]), w))[:k]
        top_k = sorted(words, key=lambda w, of=key: (-abs(of[w]), w))[:k]
        yield {
            (a, b): q[a] * key[b]
            for a in top_q
            for b in top_k
            if q[a] * key[b] > 0
            and a != b
            and float(sum(vectors[a] * vectors[b])) > max(thresholds[a], thresholds[b])
        }


def reference_pairs(*arguments):
    """The list that `head_word_pairs` promises."""
    counts = Counter(pair for found in reference_neurons(*arguments) for pair in found)
    return sorted(
        ((a, b, count) for (a, b), count in counts.items()),
        key=lambda pair: (-pair[2], pair[0], pair[1]),
    )


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def one_head(seed, **changes):
    """embeddings, w_q [D, d], w_k, vectors, thresholds."""
    return [each[0] if each.ndim == 3 else each for each in random_case(seed, **changes)]


def random_case(seed, *, words=60, width=12, head=8, size=6, heads=1, dtype=np.float64):
    """embeddings, w_q [heads, D, d], w_k, vectors, thresholds."""
    random = np.random.default_rng(seed)
    embeddings = random.standard_normal((words, width)).astype(dtype)
    w_q, w_k = (random.standard_normal((heads, width, head)).astype(dtype) for _ in range(2))
    vectors = unit(random.standard_normal((words, size))).astype(dtype)
    thresholds = random.uniform(0.1, 0.6, words)
    return embeddings, w_q, w_k, vectors, thresholds


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_those_of_plain_loops(seed, dtype):
    given = one_head(seed, dtype=dtype)
    for k in (1, 7, 20):
        expected = reference_pairs(*given, k)
        assert head_word_pairs(*given, k) == expected
    assert any(count > 1 for _, _, count in expected)


def test_torch_tensors_of_half_precision_give_the_pairs_of_their_own_values():
    *matrices, thresholds = one_head(5)
    tensors = [torch.tensor(each).to(torch.bfloat16) for each in matrices]
    exact = [each.double().numpy() for each in tensors]
    found = head_word_pairs(*tensors, torch.tensor(thresholds), 9)
    assert found == reference_pairs(*exact, thresholds, 9)
    assert found


def test_a_vocabulary_smaller_than_k_is_taken_whole():
    given = one_head(1, words=9)
    assert head_word_pairs(*given) == reference_pairs(*given, 100)


def test_tied_query_and_key_weights_relate_words_both_ways_alike():
    embeddings, w_q, _, vectors, thresholds = one_head(2)
    arguments = (embeddings, w_q, w_q, vectors, thresholds, 15)
    found = head_word_pairs(*arguments)
    assert found == reference_pairs(*arguments)
    assert {(b, a, count) for a, b, count in found} == set(found)


@pytest.mark.parametrize("k", [1, 5, 6, 17])
def test_words_that_tie_for_a_place_take_it_by_lower_index(k):
    """Small whole numbers: many words have the same activation, exactly."""
    random = np.random.default_rng(k)
    embeddings = random.integers(-1, 2, (40, 3)).astype(np.float64)
    w_q, w_k = (random.integers(-1, 2, (3, 5)).astype(np.float64) for _ in range(2))
    vectors, thresholds = unit(random.standard_normal((40, 4))), np.full(40, -0.2)
    arguments = (embeddings, w_q, w_k, vectors, thresholds, k)
    assert head_word_pairs(*arguments) == reference_pairs(*arguments)


def test_equal_rows_tie_whatever_their_place_in_the_product():
    """A float32 product may round equal rows differently at the edges of its blocks."""
    random = np.random.default_rng(0)
    embeddings = np.repeat(random.standard_normal((1, 511)), 301, axis=0).astype(np.float32)
    embeddings[::7] *= 0.5
    weights = random.standard_normal((511, 3)).astype(np.float32)
    vectors, thresholds = np.ones((301, 1), np.float32), np.zeros(301)
    largest = [word for word in range(301) if word % 7][:5]
    expected = [(a, b, 3) for a in largest for b in largest if a != b]
    assert head_word_pairs(embeddings, weights, weights, vectors, thresholds, 5) == expected


def test_float32_decides_as_exact_arithmetic_where_two_words_differ_by_less_than_its_rounding():
    """Two words 1e-9 apart for one place; a cosine 1e-9 above its threshold, another 1e-9 below."""
    embeddings = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-9], [3.0, 3.0], [3.0, 3.0]])
    weights = np.array([[1.0], [1.0]])
    vectors = np.ones((4, 1))
    thresholds = np.array([0.0, 1 - 1e-9, 0.0, 1 + 1e-9])
    found = head_word_pairs(embeddings, weights, weights, vectors, thresholds, 3)
    assert found == [(1, 2, 1), (2, 1, 1)]


def test_activations_of_opposite_sign_relate_nothing():
    embeddings, weights = np.array([[1.0], [2.0]]), np.array([[1.0]])
    vectors, thresholds = np.ones((2, 1)), np.zeros(2)
    assert head_word_pairs(embeddings, weights, -weights, vectors, thresholds) == []
    both = head_word_pairs(embeddings, -weights, -weights, vectors, thresholds)
    assert both == [(0, 1, 1), (1, 0, 1)]


def test_a_neuron_without_weights_relates_nothing():
    given = one_head(3)
    given[1][:, 2] = 0.0
    given[2][:, 5] = 0.0
    assert head_word_pairs(*given, 12) == reference_pairs(*given, 12)


def test_heads_of_a_group_share_their_key_head():
    embeddings, w_q, w_k, vectors, thresholds = random_case(4, heads=6)
    layer = list(layer_word_pairs(embeddings, w_q, w_k[:2], vectors, thresholds, 10))
    assert [pairs.as_list() for pairs in layer] == [
        reference_pairs(embeddings, w_q[head], w_k[head // 3], vectors, thresholds, 10)
        for head in range(6)
    ]
    assert {each.dtype for each in (layer[0].first, layer[0].second, layer[0].count)} == {
        np.dtype(np.int32)
    }


def test_neuron_pairs_list_their_pairs_by_falling_product():
    arguments = one_head(6)
    found = neuron_word_pairs(*arguments, 12)
    for i, expected in enumerate(reference_neurons(*arguments, 12)):
        part = slice(found.starts[i], found.starts[i + 1])
        pairs = list(zip(found.first[part].tolist(), found.second[part].tolist(), strict=True))
        assert pairs == sorted(expected, key=lambda pair: (-expected[pair], pair))
        assert found.score[part].tolist() == pytest.approx([expected[pair] for pair in pairs])
    assert len(found.starts) == 8 + 1
    assert found.starts[-1] == len(found.first) > 0


def test_a_head_is_explained_by_pairs_found_more_than_once():
    assert explanation([(0, 1, 3), (4, 2, 2), (1, 0, 1)]) == [(0, 1, 3), (4, 2, 2)]


def test_work_cut_into_small_pieces_gives_the_same_pairs(monkeypatch):
    arguments = (*one_head(7), 10)
    vectors = arguments[3]
    whole, limits = head_word_pairs(*arguments), similarity_thresholds(vectors, 20)
    monkeypatch.setattr("analysis.heads.compute.word_pairs._BLOCK", 700)
    monkeypatch.setattr("analysis.words.compute.thresholds._BLOCK", 700)
    monkeypatch.setattr("analysis.heads.compute.top_words._BLOCK", 30)
    assert head_word_pairs(*arguments) == whole
    assert similarity_thresholds(vectors, 20) == pytest.approx(limits)


@pytest.mark.parametrize(("frequent", "factor"), [(10, 1.96), (1000, 1.96), (10, 0.5)])
def test_thresholds_are_mean_and_deviation_of_similarity_to_the_frequent_words(frequent, factor):
    vectors = random_case(8)[3]
    cosines = [[float(sum(a * b)) for b in vectors[:frequent]] for a in vectors]
    expected = [np.mean(row) + factor * np.std(row) for row in cosines]
    found = similarity_thresholds(vectors, frequent, factor)
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda e, q, k, v, t: (e[:-1], q, k, v, t), "differ"),
        (lambda e, q, k, v, t: (e, q[1:], k[1:], v, t), r"\[12, d\]"),
        (lambda e, q, k, v, t: (e, q, k[:, 1:], v, t), r"must all be \[D, 7\]"),
        (lambda e, q, k, v, t: (e, q, k, v, t[:-1]), r"\[V\]"),
        (lambda e, q, k, v, t: (e * np.nan, q, k, v, t), "embeddings are not all finite"),
        (lambda e, q, k, v, t: (e, q, k * np.inf, v, t), "weights are not all finite"),
        (lambda e, q, k, v, t: (e[:0], q, k, v[:0], t[:0]), "no words"),
        (lambda e, q, k, v, t: (e, q, k, v, t, 0), "at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(broken, message):
    with pytest.raises(ValueError, match=message):
        head_word_pairs(*broken(*one_head(0)))


def test_heads_that_key_heads_cannot_serve_are_refused():
    embeddings, w_q, w_k, vectors, thresholds = random_case(0, heads=3)
    with pytest.raises(ValueError, match="3 heads cannot share 2"):
        list(layer_word_pairs(embeddings, w_q, w_k[:2], vectors, thresholds))
