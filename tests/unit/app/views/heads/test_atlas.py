"""What is known of all heads: the places of a word, what texts say of words and vectors."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from analysis.heads.changes import compare_head, head_changes
from analysis.heads.request import HeadPairsRequest
from analysis.request import ModelChoice
from analysis.words.choice import Words, WordVectors
from app.views.heads.atlas import HeadAtlas
from app.views.heads.layer import HeadLayer
from app.views.heads.text import rests_on, status_lines
from app.widgets.lines import width_of
from tests.support.scripted_weights import LAYERS, head_pairs

BASE, TUNED = (ModelChoice(name, name) for name in ("demo-base", "demo-tuned"))


def layer(number, **given):
    requests = [
        HeadPairsRequest(model, number, Words("demo"), WordVectors("demo"))
        for model in (BASE, TUNED)
    ]
    return [head_pairs(request, **given) for request in requests]


def atlas_of(*layers):
    atlas = HeadAtlas(LAYERS, LAYERS)
    for base, tuned in layers:
        atlas.add(HeadLayer(base, tuned))
    return atlas


def plain_places(layers, word):
    """(layer, head) → (pairs with the word in base, in tuned, partners), by plain loops."""
    found = {}
    for both in layers:
        for side, pairs in enumerate(both):
            for head in range(pairs.heads):
                for n in range(pairs.starts[head], pairs.starts[head + 1]):
                    a = pairs.words[pairs.first[n]].lower()
                    b = pairs.words[pairs.second[n]].lower()
                    if word in (a, b):
                        partners = found.setdefault((pairs.layer, head), (set(), set()))
                        partners[side].add(b if a == word else a)
    return {at: (len(b), len(t), b | t) for at, (b, t) in found.items()}


@pytest.mark.parametrize("word", ["essay", "France", "KING", "say"])
def test_a_word_is_found_in_every_head_that_pairs_it_and_nowhere_else(word):
    layers = [layer(n) for n in (5, 1, 0)]
    places = atlas_of(*layers).find(word)
    found = {(p.layer, p.head): (p.pairs_base, p.pairs_tuned, set(p.partners)) for p in places}
    assert found == plain_places(layers, word.lower())
    assert found


def test_the_largest_difference_comes_first_then_layer_and_head():
    pairs = (("a", "b"), ("a", "c"), ("a", "d"), ("x", "y"), ("A", "E"), ("f", "a"))
    places = atlas_of(*(layer(n, pairs=pairs) for n in range(4))).find("a")
    keys = [(-abs(p.pairs_tuned - p.pairs_base), p.layer, p.head) for p in places]
    assert keys == sorted(keys)
    assert keys[0][0] < keys[-1][0]


def test_cases_and_directions_of_a_pair_count_once():
    pairs = (("write", "essay"), ("Essay", "Write"), ("x", "y"), ("y", "z"))
    places = atlas_of(*(layer(n, pairs=pairs) for n in range(LAYERS))).find("essay")
    assert {place.partners for place in places} == {("write",)}
    assert {max(place.pairs_base, place.pairs_tuned) for place in places} == {1}


@pytest.mark.parametrize("seed", range(5))
def test_heads_with_many_pairs_compare_as_if_all_their_pairs_were_looked_at(seed):
    random = np.random.default_rng(seed)
    words = (*(f"{letter}{n}" for letter in "aAbß" for n in range(8)), "B1", "SS2")
    both = []
    for pairs in layer(0, heads=3):
        many = 600
        first, second = random.integers(0, len(words), (2, 3 * many)).astype(np.int32)
        count = np.sort(random.integers(2, 9, (3, many)))[:, ::-1].ravel().astype(np.int32)
        # The second head has few pairs, the third none.
        starts = np.array([0, many, many + 20, many + 20])
        last = len(words) - seed - 1
        shown = {"first": np.minimum(first, last), "second": np.minimum(second, last)}
        shown |= {"words": words[seed:], "count": count, "starts": starts}
        both.append(msgspec.structs.replace(pairs, **shown))
    ready = HeadLayer(*both)
    assert ready.change.tolist() == head_changes(*both).tolist()
    for head in range(3):
        assert ready.compare(head) == compare_head(*both, head)


def test_what_is_not_there_yet_is_not_known():
    atlas = atlas_of(layer(2))
    assert atlas.layers == [2]
    assert atlas.head(0, 0) is None
    assert atlas.head(2, 1).change == atlas.layer(2).change[1]
    assert atlas.layer(0) is None
    assert not atlas.find("zebra")


def test_a_stand_in_for_vectors_is_named_in_80_columns():
    vectors = WordVectors("embeddings", model=ModelChoice("org/some-7b\x1b[0m", "x"))
    said = rests_on(Words("english"), vectors)
    assert "\x1b" not in said
    both = layer(1)
    atlas = atlas_of(both)
    for comparison, pairs in ((atlas.head(1, 1), both), (None, None)):
        lines = status_lines((1, 1), comparison, pairs, said, width=78)
        shown = " ".join("".join(text for text, _ in line) for line in lines[2:])
        assert "org/some-7b␛[0m, standing in for word vectors" in shown
        assert len(lines) <= 4
        assert all(width_of(line) <= 78 for line in lines[2:])
