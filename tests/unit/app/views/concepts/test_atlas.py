"""Rows and places of words, layer by layer."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from analysis.concepts.changes import component_words
from analysis.concepts.request import ConceptsRequest
from analysis.request import ModelChoice
from analysis.words.choice import Words
from app.views.concepts.atlas import ConceptAtlas
from tests.support.scripted_concepts import RANK, layer_concepts


def layer(number):
    base, tuned = (ModelChoice(name, name) for name in ("base", "tuned"))
    return layer_concepts(ConceptsRequest(base, tuned, number, Words("demo")))


def atlas(*numbers):
    filled = ConceptAtlas()
    for number in numbers:
        filled.add(layer(number))
    return filled


def test_layers_stand_in_order_however_they_come():
    assert [each.layer for each in atlas(5, 0, 3).layers] == [0, 3, 5]
    assert atlas(5).layer(4) is None
    assert atlas(5).rows(4) == ()


def test_kept_lost_and_gained_words_make_up_both_components():
    filled = atlas(2)
    for row in filled.rows(2):
        base = component_words(layer(2).base, row.base)
        tuned = component_words(layer(2).tuned, row.tuned)
        assert sorted(row.kept + row.lost) == sorted(base)
        assert sorted(row.kept + row.gained) == sorted(tuned)
        assert row.tuned == layer(2).matched[row.base]


def test_tuned_components_without_a_match_come_last():
    whole = layer(0)
    matched = np.where(np.arange(RANK) < 2, whole.matched, -1).astype(np.int32)
    filled = ConceptAtlas()
    filled.add(msgspec.structs.replace(whole, matched=matched))
    rows = filled.rows(0)
    assert [row.base for row in rows[:RANK]] == list(range(RANK))
    assert [row.tuned for row in rows[RANK:]] == list(range(2, RANK))
    assert all(row.base is None and row.angle is None for row in rows[RANK:])


@pytest.mark.parametrize("word", ["essay", "ESSAY", "the"])
def test_a_word_is_found_in_every_component_that_has_it_whatever_its_case(word):
    filled = atlas(0, 1, 4)
    expected = []
    for number in (0, 1, 4):
        whole = layer(number)
        for row, matched in enumerate(whole.matched.tolist()):
            ranks = []
            for side, component in ((whole.base, row), (whole.tuned, matched)):
                words = component_words(side, component)
                rank = words.index(word.lower()) if word.lower() in words else None
                ranks.append(None if rank is None else (rank + 1, side.measures[component, rank]))
            if ranks != [None, None]:
                expected.append((number, row, *ranks))
    assert expected
    found = [(each.layer, each.row, each.base, each.tuned) for each in filled.find(word)]
    assert found == expected
    # A part of a word is not the word.
    assert filled.find("ess") == []


def test_of_several_spellings_in_a_component_the_best_one_counts():
    words = ("The", "x", "THE", "the")
    asked = ConceptsRequest(*(ModelChoice(each, each) for each in "bt"), 0, Words("demo"))
    filled = ConceptAtlas()
    filled.add(layer_concepts(asked, words=words))
    indices = filled.layer(0).base.word_indices.tolist()
    for place in filled.find("the"):
        row = filled.rows(0)[place.row]
        assert place.base[0] == 1 + min(n for n, word in enumerate(indices[row.base]) if word != 1)
