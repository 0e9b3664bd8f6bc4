"""Sets, overlaps and alterations are those of set arithmetic by hand on a planted example."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from analysis.neurons.result import Frequencies
from analysis.neurons.sets import (
    alteration,
    expert_and_neuron,
    expert_sets,
    is_mixture,
    neuron_sets,
)
from analysis.problems import ProblemError
from tests.support.scripted_components import layer_frequencies

CATEGORIES = ("code", "math", "generation")


def frequencies(category, layers, experts=None, model="m"):
    """Frequencies of planted p_ij(I): [I, U] a layer, and shares of experts [I, E]."""
    found = []
    for layer, shares in enumerate(layers):
        sent = np.zeros((len(shares), 0)) if experts is None else experts[layer]
        found.append(layer_frequencies(shares, sent))
    return Frequencies(model, category, len(layers[0]), 10, tuple(found), (), 0.0)


def planted(seed):
    """Three categories, two layers of 12 neurons in 4 experts; shares in steps of 1 / 10."""
    rng = np.random.default_rng(seed)
    draws = []
    for count in (10, 7, 4):
        layers = [rng.integers(0, 11, (count, 12)) / 10 for _ in range(2)]
        draws.append((layers, [rng.integers(0, 11, (count, 4)) / 10 for _ in range(2)]))
    return draws


def by_hand(draws, kind, epsilon, tau):
    """Per category the set of (layer, unit), by definition."""
    sets = []
    for layers_and_experts in draws:
        found = set()
        for layer, shares in enumerate(layers_and_experts[kind]):
            for unit in range(shares.shape[1]):
                reached = sum(share >= epsilon - 1e-9 for share in shares[:, unit])
                if reached and reached >= tau * len(shares) - 1e-9:
                    found.add((layer, unit))
        sets.append(found)
    return sets


def as_sets(members):
    return [
        {
            (layer, int(unit))
            for layer, each in enumerate(members)
            for unit in np.flatnonzero(each[c])
        }
        for c in range(len(CATEGORIES))
    ]


@pytest.mark.parametrize("kind", [0, 1], ids=["neurons", "experts"])
@pytest.mark.parametrize("tau", [0.0, 0.1, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("epsilon", [0.1, 0.5, 0.7])
def test_sets_and_overlaps_are_those_of_set_arithmetic(epsilon, tau, kind):
    draws = planted(3)
    found = [frequencies(category, *draw) for category, draw in zip(CATEGORIES, draws, strict=True)]
    sets = (neuron_sets, expert_sets)[kind](found, epsilon, tau)
    expected = by_hand(draws, kind, epsilon, tau)
    assert sets.categories == CATEGORIES
    assert as_sets(sets.members) == expected
    unique = [
        own - set().union(*(other for other in expected if other is not own)) for own in expected
    ]
    assert as_sets(sets.unique) == unique
    general = set.intersection(*expected)
    assert {
        (layer, int(u)) for layer, each in enumerate(sets.general) for u in np.flatnonzero(each)
    } == general
    for c, own in enumerate(expected):
        for layer in range(2):
            assert sets.counts[c, layer] == sum(place == layer for place, _ in own)
            assert sets.unique_counts[c, layer] == sum(place == layer for place, _ in unique[c])
        for d, other in enumerate(expected):
            assert sets.shared[c, d] == len(own & other)
            jaccard = len(own & other) / len(own | other) if own | other else np.nan
            containment = len(own & other) / len(own) if own else np.nan
            np.testing.assert_equal(sets.jaccard()[c, d], jaccard)
            np.testing.assert_equal(sets.containment()[c, d], containment)
    assert sets.general_counts.tolist() == [sum(p == layer for p, _ in general) for layer in (0, 1)]


def test_alteration_is_what_stays_goes_and_comes():
    before, after = planted(3), planted(4)
    base, tuned = (
        neuron_sets([frequencies(c, *d) for c, d in zip(CATEGORIES, draws, strict=True)], 0.5, 0.5)
        for draws in (before, after)
    )
    found = alteration(base, tuned)
    for c, (old, new) in enumerate(
        zip(by_hand(before, 0, 0.5, 0.5), by_hand(after, 0, 0.5, 0.5), strict=True)
    ):
        for layer in range(2):
            a, b = ({u for place, u in each if place == layer} for each in (old, new))
            assert found.kept[c, layer] == len(a & b)
            assert found.lost[c, layer] == len(a - b)
            assert found.gained[c, layer] == len(b - a)
            jaccard = len(a & b) / len(a | b) if a | b else np.nan
            np.testing.assert_equal(found.jaccard()[c, layer], jaccard)
        assert found.over_layers().kept[c, 0] == len(old & new)
        np.testing.assert_equal(
            found.over_layers().jaccard()[c, 0], len(old & new) / len(old | new)
        )


def test_nothing_is_shared_by_empty_sets():
    nothing = [frequencies(c, [np.zeros((3, 4))]) for c in CATEGORIES]
    sets = neuron_sets(nothing, 0.05, 0.1)
    assert np.isnan(sets.jaccard()).all()
    assert np.isnan(sets.containment()).all()
    assert not is_mixture(nothing)
    assert np.isnan(alteration(sets, sets).jaccard()).all()


def test_a_place_is_a_neuron_of_an_expert():
    starts = np.array([0, 3, 6, 10])
    expected = {0: (0, 0), 2: (0, 2), 3: (1, 0), 6: (2, 0), 9: (2, 3)}
    assert {place: expert_and_neuron(starts, place) for place in expected} == expected


@pytest.mark.parametrize(
    ("epsilon", "tau", "said"),
    [(each, 0.5, r"multiple of 0\.05") for each in (0.0, 0.51, 1.05, -0.5)]
    + [(0.5, each, "any instruction") for each in (-0.1, 1.1)],
)
def test_an_epsilon_off_the_grid_and_a_tau_that_is_no_share_are_refused(epsilon, tau, said):
    with pytest.raises(ProblemError, match=said):
        neuron_sets([frequencies("code", [np.zeros((3, 4))])], epsilon, tau)


def test_by_percentile_epsilon_is_a_share_of_the_neurons():
    kept = frequencies("code", [np.linspace(0, 1, 4)[None].repeat(3, axis=0)])
    # Neuron 3 is among the highest 1 % in all instructions, neuron 2 among the highest 2 % in one.
    reached = np.zeros((20, 4), dtype=np.uint16)
    reached[:, 3], reached[1:, 2] = 3, 1
    layer = msgspec.structs.replace(kept.layers[0], reached=reached)
    found = [msgspec.structs.replace(kept, layers=(layer,), rule="percentile")]
    for epsilon, tau, members in ((0.01, 0, {3}), (0.02, 0, {2, 3}), (0.02, 0.5, {3})):
        (here,) = neuron_sets(found, epsilon, tau).members
        assert set(np.flatnonzero(here[0]).tolist()) == members
    with pytest.raises(ProblemError, match=r"multiple of 0\.01, up to 0\.2"):
        neuron_sets(found, 0.5, 0)
