"""Sets, maps and lists of components, against plain loops over every instruction's shares."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.neurons.request import FrequenciesRequest
from analysis.neurons.sets import EXPERT_EPSILON, TAU
from analysis.request import ModelChoice
from app.views.neurons.atlas import UnitAtlas
from app.views.neurons.members import KINDS, Cell, CellMembers
from app.views.neurons.numbers import numbers_of
from app.views.neurons.search import Word, find_unit
from app.views.neurons.text import headline, side_heading
from tests.support.scripted_components import (
    EXPERTS,
    INSTRUCTIONS,
    LAYERS,
    NEURONS,
    frequencies,
    shares,
)

CATEGORIES = ("math", "code", "generation")
MODELS = tuple(ModelChoice(name, name) for name in ("demo-base", "demo-tuned"))


def request(side, category):
    return FrequenciesRequest(MODELS[side], category, ("Add.",))


def atlas_of(**given):
    atlas = UnitAtlas(CATEGORIES)
    for category in CATEGORIES:
        atlas.add(*(frequencies(request(side, category), **given) for side in (0, 1)))
    return atlas


def plain_sets(epsilon, tau, kind="neurons", units=NEURONS):
    """[side][category] → {(layer, place)}, by plain loops."""
    found = []
    for side in (0, 1):
        found.append([])
        for category in CATEGORIES:
            members = set()
            for layer in range(LAYERS):
                values = shares(request(side, category), layer, units, kind)
                for place in range(units):
                    specific = sum(1 for each in values[:, place].tolist() if each >= epsilon)
                    if specific / INSTRUCTIONS >= tau:
                        members.add((layer, place))
            found[side].append(members)
    return found


def jaccard(one, other):
    return f"{len(one & other) / len(one | other):.2f}" if one | other else "–"


def altered(base, tuned):
    return f"−{len(base - tuned)} +{len(tuned - base)}" if base | tuned else "–"


def test_the_headline_names_the_category_that_changed_most_and_the_one_that_changed_least():
    atlas = moved(atlas_of(), 0.6, 0.5)
    sets = list(zip(*plain_sets(0.6, 0.5), strict=True))
    alike = [len(a & b) / len(a | b) for a, b in sets]
    said = " ".join(text for line in headline(atlas, 400) for text, _ in line)
    for word, place in (("most", np.argmin(alike)), ("least", np.argmax(alike))):
        base, tuned = sets[place]
        kept, lost, gained = len(base & tuned), len(base - tuned), len(tuned - base)
        counts = f"kept {kept}, lost {lost}, gained {gained}"
        assert f"for {CATEGORIES[place]} {word} ({counts})" in said
    for width in (30, 60, 80, 200):
        lines = headline(atlas, width)
        assert len(lines) <= 2
        assert all(len(text) <= width for line in lines for text, _ in line)


def test_without_any_set_the_headline_says_how_to_get_some():
    atlas = moved(atlas_of(), 1.0, 1.0)
    assert not any(any(side) for side in plain_sets(1.0, 1.0))
    ((part,),) = headline(atlas, 200)
    assert "lowers ε" in part[0]


def moved(atlas, epsilon, tau):
    """The atlas with its thresholds there, moved as keys move them."""
    for _ in range(40):
        if not math.isclose(atlas.thresholds.epsilon, epsilon):
            atlas.move_threshold("neurons", 1 if atlas.thresholds.epsilon < epsilon else -1)
        if not math.isclose(atlas.thresholds.tau, tau):
            atlas.move_tau(1 if atlas.thresholds.tau < tau else -1)
    return atlas


@pytest.mark.parametrize(("epsilon", "tau"), [(0.75, 0.75), (0.5, 0.6), (0.05, 1.0), (1.0, 0.05)])
def test_every_map_shows_what_plain_sets_say(epsilon, tau):
    atlas = moved(atlas_of(), epsilon, tau)
    sets = plain_sets(epsilon, tau)
    for side in (0, 1):
        overlaps = numbers_of(atlas, "overlaps", "jaccard", side)
        assert overlaps.texts == [[jaccard(a, b) for b in sets[side]] for a in sets[side]]
        contained = numbers_of(atlas, "overlaps", "containment", side)
        assert contained.texts == [
            [f"{len(a & b) / len(a):.2f}" if a else "–" for b in sets[side]] for a in sets[side]
        ]
        counts = numbers_of(atlas, "layers", "jaccard", side)
        general = set.intersection(*sets[side])
        columns = [*sets[side], general]
        assert counts.columns == [*CATEGORIES, "general"]
        assert counts.texts[0] == [str(len(each)) for each in columns]
        for layer in range(LAYERS):
            expected = [str(sum(place[0] == layer for place in each)) for each in columns]
            assert counts.texts[layer + 1] == expected
    changes = numbers_of(atlas, "changes", "jaccard", 0)
    assert changes.texts[0] == [altered(a, b) for a, b in zip(*sets, strict=True)]
    for layer in range(LAYERS):
        both = [[{p for p in each if p[0] == layer} for each in side] for side in sets]
        assert changes.texts[layer + 1] == [altered(a, b) for a, b in zip(*both, strict=True)]


def expected_members(sets, cell, kind):
    inside = [set.intersection(*(side[each] for each in cell.categories)) for side in sets]
    found = {}
    for place in inside[0] | inside[1]:
        if cell.layer is not None and place[0] != cell.layer:
            continue
        in_sets = [sum(place in each for each in side) for side in sets]
        status = (
            "kept" if place in inside[0] & inside[1] else "lost" if place in inside[0] else "gained"
        )
        common = {"general": len(CATEGORIES), "unique": 1}.get(kind)
        as_common = any(
            place in here and count == common for here, count in zip(inside, in_sets, strict=True)
        )
        if kind in ("all", status) or as_common:
            found[place] = (status, tuple(in_sets))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "cell",
    [
        Cell("neurons", (0,)),
        Cell("neurons", (2,), layer=3),
        Cell("neurons", (1, 2)),
        Cell("neurons", (0, 1, 2), layer=0),
    ],
)
def test_a_list_holds_the_members_of_its_cell_those_that_changed_most_first(cell, kind):
    atlas = moved(atlas_of(), 0.6, 0.5)
    members = CellMembers(atlas, cell, kind)
    listed = [members[index] for index in range(len(members))]
    expected = expected_members(plain_sets(0.6, 0.5), cell, kind)
    assert {(m.layer, m.place): (m.status, m.sets) for m in listed} == expected
    assert len(listed) == len(expected)
    # Or nothing would be said of a kind.
    assert listed or cell != Cell("neurons", (0,))
    first = [abs(np.subtract(*m.frequencies[:, cell.categories[0]])) for m in listed]
    assert first == sorted(first, reverse=True)
    for member in listed:
        assert (member.expert, member.neuron) == (-1, member.place)
        for side in (0, 1):
            for category, name in enumerate(CATEGORIES):
                values = shares(request(side, name), member.layer, NEURONS, "neurons")
                mean = values[:, member.place].mean()
                assert member.frequencies[side, category] == pytest.approx(mean, abs=1e-6)


def test_in_a_mixture_experts_come_first_and_neurons_inside():
    atlas = atlas_of(mixture=True)
    assert atlas.unit == "experts"
    assert atlas.mixture
    sets = plain_sets(EXPERT_EPSILON, TAU, "experts", EXPERTS)
    counts = numbers_of(atlas, "layers", "jaccard", 1)
    assert counts.texts[0][:-1] == [str(len(each)) for each in sets[1]]
    experts = CellMembers(atlas, Cell("experts", (0,), 2), "all")
    assert {(m.expert, m.neuron) for m in (experts[n] for n in range(len(experts)))} == {
        (place, -1) for layer, place in sets[0][0] | sets[1][0] if layer == 2
    }
    moved(atlas, 0.6, 0.5)
    width = NEURONS // EXPERTS
    inside = CellMembers(atlas, Cell("neurons", (0,), 2, 1), "all")
    neurons = plain_sets(0.6, 0.5)
    assert {(m.expert, m.neuron) for m in (inside[n] for n in range(len(inside)))} == {
        (1, place - width)
        for layer, place in neurons[0][0] | neurons[1][0]
        if layer == 2 and width <= place < 2 * width
    }


def test_thresholds_stay_on_their_grids():
    atlas = atlas_of(mixture=True)
    for by, epsilon, expert, tau in ((99, 1.0, 1.0, 1.0), (-99, 0.05, 0.01, 0.0)):
        atlas.move_threshold("neurons", by)
        atlas.move_threshold("experts", by)
        atlas.move_tau(by)
        given = atlas.thresholds
        assert (given.epsilon, given.expert_epsilon, given.tau) == (epsilon, expert, tau)
        # No threshold of a grid is refused.
        assert atlas.sets("neurons")
        assert atlas.sets("experts")


def test_counts_of_few_instructions_are_kept_in_a_byte_each():
    atlas = atlas_of()
    (kept, _, _), whole = atlas.frequencies(1), frequencies(request(1, "math"))
    for one, other in zip(kept.layers, whole.layers, strict=True):
        assert one.reached.dtype == np.uint8
        assert one.reached.tolist() == other.reached.tolist()


def test_categories_are_shown_as_they_come():
    atlas = UnitAtlas(CATEGORIES)
    assert atlas.layers == 0
    atlas.add(*(frequencies(request(side, "code")) for side in (0, 1)))
    assert atlas.counted == ("code",)
    assert numbers_of(atlas, "overlaps", "jaccard", 0).texts == [["1.00"]]
    atlas.add(*(frequencies(request(side, "math")) for side in (0, 1)))
    assert atlas.counted == ("math", "code")
    assert atlas.instructions == 2 * INSTRUCTIONS


@pytest.mark.parametrize(
    ("text", "mixture", "found"),
    [
        ("3 12", False, (3, -1, 12)),
        ("3.12", False, (3, -1, 12)),
        ("3 1 5", True, (3, 1, 5)),
        ("3 1", True, (3, 1)),
        ("gen", False, 2),
        ("COD", False, 1),
        ("ode", False, Word("ode")),
        ("poetry", True, Word("poetry")),
        ("m", False, 0),
    ],
)
def test_numbers_lead_to_a_neuron_and_words_to_a_category_or_to_what_writes_them(
    text, mixture, found
):
    assert find_unit(text, atlas_of(mixture=mixture)) == found


@pytest.mark.parametrize(
    ("text", "mixture", "said"),
    [
        ("99 1", False, "There is no layer 99"),
        ("3 99", False, "There is no neuron 99"),
        ("3", False, "layer and neuron"),
        ("3", True, "layer, expert and neuron"),
        ("3 1 5 7", True, "layer, expert and neuron"),
        ("3 9", True, "3 experts"),
        ("3 9 1", True, "3 experts"),
        ("3 1 8", True, "There is no neuron 8"),
    ],
)
def test_what_is_not_there_is_said(text, mixture, said):
    assert said in find_unit(text, atlas_of(mixture=mixture))


def test_a_long_name_above_a_column_keeps_the_end_that_tells_base_from_tuned():
    assert side_heading("demo-base", ": p, sets", 20) == "demo-base: p, sets  "
    assert side_heading("qwen2_moe-base", ": p, sets", 20) == "…2_moe-base: p, sets"
