"""Random sets are as large as a set in every layer and, if asked, about as active."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from analysis.neurons.random_sets import NEAREST, mean_activity, random_sets

NEURONS = ((0, 3, 17, 30, 45), (2, 11, 12, 47), ())
UNITS = (48, 60, 48)


def some_activity(seed=1, units=UNITS):
    """Shares in steps of 1 / 10, so that many are equal."""
    rng = np.random.default_rng(seed)
    return [(rng.integers(0, 11, each) / 10).astype(np.float32) for each in units]


@pytest.mark.parametrize("activity", [None, some_activity()], ids=["layer", "activity"])
def test_they_have_as_many_other_neurons_of_the_same_layers(activity):
    sets = random_sets(NEURONS, UNITS, 4, seed=7, activity=activity)
    for chosen in sets:
        for own, units, random in zip(NEURONS, UNITS, chosen, strict=True):
            assert len(set(random)) == len(random) == len(own)
            assert not set(random) & set(own)
            assert all(0 <= place < units for place in random)
    assert len(set(sets)) == 4
    assert sets == random_sets(NEURONS, UNITS, 4, seed=7, activity=activity)
    assert sets[:2] == random_sets(NEURONS, UNITS, 2, seed=7, activity=activity)
    assert sets != random_sets(NEURONS, UNITS, 4, seed=8, activity=activity)


@pytest.mark.parametrize("matched", [False, True], ids=["layer", "activity"])
def test_a_set_of_most_of_a_layer_is_matched_as_far_as_the_layer_goes(matched):
    activity = some_activity(units=(48, 48)) if matched else None
    ((first, second),) = random_sets((tuple(range(40)), ()), (48, 48), 1, activity=activity)
    assert set(first) >= set(range(40, 48))
    assert len(set(first)) == 40
    assert second == ()


@pytest.mark.parametrize("seed", range(5))
def test_by_activity_each_is_one_of_the_nearest_of_a_plain_loop(seed):
    activity = some_activity(seed)
    for chosen in random_sets(NEURONS, UNITS, 6, seed=seed, activity=activity):
        for own, values, random in zip(NEURONS, activity, chosen, strict=True):
            left = [place for place in range(len(values)) if place not in own]
            for neuron, drawn in zip(own, random, strict=True):
                distances = sorted(
                    abs(float(values[each]) - float(values[neuron])) for each in left
                )
                distance = abs(float(values[drawn]) - float(values[neuron]))
                assert distance <= distances[NEAREST - 1] + 1e-6
                left.remove(drawn)


def test_every_one_of_the_nearest_is_drawn_about_as_often():
    activity = [np.linspace(0, 1, 101).astype(np.float32)]
    # Of 0.50, the nearest ten are five on either side.
    drawn = Counter(each[0][0] for each in random_sets(((50,),), (101,), 1000, activity=activity))
    assert set(drawn) == {*range(45, 50), *range(51, 56)}
    assert min(drawn.values()) > 60
    assert max(drawn.values()) < 140


def test_of_equally_active_neurons_every_one_may_be_drawn():
    equal = [np.full(60, 0.5, dtype=np.float32)]
    drawn = {each[0][0] for each in random_sets(((7,),), (60,), 800, activity=equal)}
    assert drawn == set(range(60)) - {7}


def test_they_are_about_as_active_where_those_of_the_same_layer_are_not():
    rng = np.random.default_rng(2)
    activity = [rng.beta(1, 4, 400).astype(np.float32) for _ in range(2)]
    often = tuple(tuple(np.argsort(each)[-60::4].tolist()) for each in activity)
    own = mean_activity(often, activity)
    by_layer, by_activity = (
        np.mean([mean_activity(each, activity) for each in random_sets(often, (400, 400), 9, **kw)])
        for kw in ({}, {"activity": activity})
    )
    assert abs(by_activity - own) < 0.02 < 0.2 < abs(by_layer - own)


def test_the_activity_of_a_set_is_the_mean_of_its_neurons():
    activity = [np.array([0.2, 0.4, 0.9], np.float32), np.array([0.0, 0.5], np.float32)]
    assert mean_activity(((0, 2), (1,)), activity) == pytest.approx((0.2 + 0.9 + 0.5) / 3)
    assert np.isnan(mean_activity(((), ()), activity))
