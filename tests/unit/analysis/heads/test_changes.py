"""Comparisons of heads on examples made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.heads.changes import (
    WordPairChange,
    compare_head,
    head_changes,
    heads_with,
    neuron_changes,
)
from analysis.heads.result import NeuronPairs
from tests.support.scripted_weights import counted_pairs


def neuron_pairs(*neurons):
    """A head from the pairs of its neuron pairs."""
    layer = counted_pairs(*(dict.fromkeys(pairs, 1) for pairs in neurons))
    return NeuronPairs(
        model="model",
        layer=0,
        head=0,
        words=layer.words,
        first=layer.first,
        second=layer.second,
        score=layer.count.astype(np.float32),
        starts=layer.starts,
        notes=(),
    )


def test_pairs_are_kept_gained_or_lost():
    base = counted_pairs({"write=essay": 6, "bright=dense": 3, "verb=noun": 2})
    tuned = counted_pairs({"rewrite=sentence": 5, "write=essay": 4, "verb=noun": 2})
    compared = compare_head(base, tuned, 0)
    assert compared.word_pairs == (
        WordPairChange("write", "essay", 6, 4, "kept"),
        WordPairChange("rewrite", "sentence", 0, 5, "gained"),
        WordPairChange("bright", "dense", 3, 0, "lost"),
        WordPairChange("verb", "noun", 2, 2, "kept"),
    )
    assert compared.change == pytest.approx(1 - 2 / 4)
    assert [pair.word_a for pair in compared.of("lost")] == ["bright"]


def test_order_and_case_do_not_matter_and_the_form_found_most_speaks():
    base = counted_pairs({"Write=Essay": 7, "essay=write": 5, "STRASSE=weg": 3})
    tuned = counted_pairs({"write=essay": 4, "Essay=WRITE": 2, "weg=straße": 2})
    compared = compare_head(base, tuned, 0)
    assert compared.change == 0.0
    assert compared.word_pairs == (
        WordPairChange("write", "essay", 7, 4, "kept"),
        WordPairChange("weg", "straße", 3, 2, "kept"),
    )


def test_only_the_first_different_pairs_count():
    base = counted_pairs({"a=b": 9, "b=a": 8, "c=d": 7, "e=f": 6})
    tuned = counted_pairs({"a=b": 9, "e=f": 8, "c=d": 7})
    compared = compare_head(base, tuned, 0, top=2)
    assert compared.change == pytest.approx(1 - 1 / 3)
    assert compared.word_pairs == (
        WordPairChange("a", "b", 9, 9, "kept"),
        WordPairChange("e", "f", 6, 8, "gained"),
        WordPairChange("c", "d", 7, 7, "lost"),
    )


def test_a_head_without_pairs_in_either_model_did_not_change():
    empty, some = counted_pairs({}, {}, {"a=b": 2}), counted_pairs({}, {"a=b": 2}, {})
    assert head_changes(empty, some).tolist() == [0.0, 1.0, 1.0]
    assert compare_head(empty, some, 0).word_pairs == ()


def test_the_change_of_a_layer_is_that_of_its_heads():
    random = np.random.default_rng(0)
    letters = "abcdefghABCDEFGH"

    def layer():
        return counted_pairs(
            *(
                {
                    f"{letters[a]}={letters[b]}": 9 - place
                    for place, (a, b) in enumerate(random.integers(0, 16, (7, 2)).tolist())
                }
                for _ in range(5)
            )
        )

    base, tuned = layer(), layer()
    changes = head_changes(base, tuned, top=4)
    assert changes.tolist() == [compare_head(base, tuned, head, 4).change for head in range(5)]
    assert 0 < changes.mean() < 1


def test_neuron_pairs_change_as_heads_do():
    base = neuron_pairs(["a=b", "c=d", "d=c"], ["e=f"], [])
    tuned = neuron_pairs(["B=A", "e=f"], ["e=f"], [])
    assert neuron_changes(base, tuned).tolist() == pytest.approx([1 - 1 / 3, 0.0, 0.0])
    assert neuron_changes(base, tuned, top=1).tolist() == [0.0, 0.0, 0.0]


def test_a_word_is_found_in_whatever_case_and_place():
    layer = counted_pairs({"a=b": 3, "Write=c": 2}, {}, {"d=write": 4, "rewrite=c": 2})
    assert list(heads_with(layer, "WRITE")) == [(1 - 1, "Write", "c", 2), (2, "d", "write", 4)]
    assert list(heads_with(layer, "none")) == []


def test_layers_that_differ_in_heads_are_refused():
    one, two = counted_pairs({}), counted_pairs({}, {})
    with pytest.raises(ValueError, match="1 and 2 heads"):
        head_changes(one, two)
    with pytest.raises(ValueError, match="no head 2 of 2"):
        compare_head(two, two, 2)
    with pytest.raises(ValueError, match="1 and 2 neuron pairs"):
        neuron_changes(neuron_pairs([]), neuron_pairs([], []))
