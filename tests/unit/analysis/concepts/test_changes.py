"""Words that come and go between matched components and whole layers."""

import math

import numpy as np
import pytest

from analysis.concepts.changes import component_changes, component_words, layer_words, mean_angle
from analysis.concepts.result import Components, LayerConcepts


def components(model: str, *lists: str) -> Components:
    """Components with the given words, a string of words each."""
    split = [each.split() for each in lists]
    words = tuple(sorted({word for each in split for word in each}))
    indices = np.array([[words.index(word) for word in each] for each in split] or [[]], np.int32)
    return Components(
        model=model,
        explained_variance=np.linspace(0.5, 0.1, len(split)),
        words=words,
        word_indices=indices[: len(split)],
        measures=np.zeros(indices.shape, np.float32),
    )


def layer(
    base: Components, tuned: Components, matched: list[int], angles: list[float]
) -> LayerConcepts:
    return LayerConcepts(
        layer=0,
        expert=-1,
        base=base,
        tuned=tuned,
        matched=np.array(matched, np.int32),
        angles=np.array(angles, np.float64),
        subspace_angles=np.zeros(len(matched)),
        notes=(),
        seconds=0.0,
    )


SWAPPED = layer(
    components("base", "red green blue", "one two three"),
    components("tuned", "two one four", "red blue sky"),
    [1, 0],
    [10.0, 30.0],
)


def test_words_gained_and_lost_follow_the_matching_not_the_rank():
    assert component_words(SWAPPED.base, 0) == ("red", "green", "blue")
    first, second = component_changes(SWAPPED)
    assert (first.matched, first.gained, first.lost) == (1, ("sky",), ("green",))
    assert (second.matched, second.gained, second.lost) == (0, ("four",), ("three",))
    assert (first.rank_change, second.rank_change) == (1, -1)
    assert (first.angle, second.angle) == (10.0, 30.0)
    assert mean_angle(SWAPPED) == pytest.approx(20.0)


def test_a_layer_gains_words_that_no_base_component_had():
    moved = layer(
        components("base", "red green", "one two"),
        components("tuned", "red one", "two sky"),
        [0, 1],
        [45.0, 45.0],
    )
    found = layer_words(moved)
    assert (found.kept, found.gained, found.lost) == (("red", "one", "two"), ("sky",), ("green",))
    assert [change.gained for change in component_changes(moved)] == [("one",), ("sky",)]


def test_equal_models_gain_and_lose_nothing():
    same = layer(SWAPPED.base, SWAPPED.base, [0, 1], [0.0, 0.0])
    assert all(not change.gained and not change.lost for change in component_changes(same))
    found = layer_words(same)
    assert set(found.kept) == {"red", "green", "blue", "one", "two", "three"}
    assert found.gained == found.lost == ()
    assert mean_angle(same) == 0.0


def test_a_component_without_a_partner_loses_all_its_words():
    lonely = layer(SWAPPED.base, components("tuned", "red blue sky"), [0, -1], [10.0, math.nan])
    first, second = component_changes(lonely)
    assert first.gained == ("sky",)
    assert (second.matched, second.rank_change, second.angle) == (None, None, None)
    assert (second.gained, second.lost) == ((), ("one", "two", "three"))
    assert mean_angle(lonely) == 10.0


def test_a_layer_without_components_has_no_changes():
    empty = layer(components("base"), components("tuned"), [], [])
    assert list(component_changes(empty)) == []
    assert layer_words(empty).kept == layer_words(empty).gained == ()
    assert mean_angle(empty) is None
