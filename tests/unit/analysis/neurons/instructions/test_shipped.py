"""What comes with the program: enough of every category, and no instruction twice."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from analysis.demo.catalog import held_out_phrasings
from analysis.neurons.instructions import (
    CATEGORIES,
    default_instructions,
    demo_instructions,
    natural_instructions,
)
from analysis.request import ModelChoice

# Of the words of two different requests rarely half are the same, of their word pairs never.
MOST_COMMON_WORDS, MOST_COMMON_PAIRS = 0.6, 0.4


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def alike(one: set, other: set) -> float:
    return len(one & other) / len(one | other)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_has_fifty_natural_instructions_of_many_lengths(category):
    found = natural_instructions().of(category)
    assert len(found) >= 50
    lengths = sorted(len(words(each.prompt)) for each in found)
    assert lengths[-3] >= 2 * lengths[2]
    openings = [tuple(words(each.instruction)[:3]) for each in found]
    assert max(map(openings.count, openings)) <= len(found) // 10


def test_the_natural_set_has_the_six_categories_and_every_id_once():
    found = natural_instructions()
    assert found.categories == CATEGORIES
    ids = [each.id for each in found.instructions]
    assert len(set(ids)) == len(ids)
    assert all(each.response.strip() == each.response for each in found.instructions)


def test_no_two_natural_instructions_are_nearly_the_same():
    found = natural_instructions().instructions
    single = {each.id: set(words(each.instruction)) for each in found}
    pairs = {
        each.id: set(zip(words(each.prompt), words(each.prompt)[1:], strict=False))
        for each in found
    }
    for one, other in combinations(single, 2):
        assert alike(single[one], single[other]) < MOST_COMMON_WORDS, (one, other)
        assert alike(pairs[one], pairs[other]) < MOST_COMMON_PAIRS, (one, other)


def test_responses_differ_and_are_short():
    found = natural_instructions().instructions
    longer = [each.response for each in found if len(words(each.response)) > 3]
    assert len(set(longer)) == len(longer)
    assert max(len(words(each.response)) for each in found) <= 90


@pytest.mark.parametrize(
    "asked", [r"(\d+) words or fewer", r"no more than (\d+) words", r"most (\d+) words"]
)
def test_responses_keep_to_the_length_that_is_asked_for(asked):
    held = [
        (int(limit.group(1)), len(each.response.split()))
        for each in natural_instructions().instructions
        if (limit := re.search(asked, each.instruction))
    ]
    assert held
    assert all(count <= limit for limit, count in held)


def test_the_demo_pairs_own_are_its_held_out_phrasings_of_the_six_categories():
    found = demo_instructions()
    assert found.categories == CATEGORIES
    shipped = {each.id: each for each in held_out_phrasings()}
    for each in found.instructions:
        assert (each.prompt, each.response) == (shipped[each.id].prompt, shipped[each.id].reference)
    left_out = {each.category for each in shipped.values()} - {
        shipped[each.id].category for each in found.instructions
    }
    assert left_out == {"translation", "linguistic"}
    assert min(len(found.of(category)) for category in CATEGORIES) >= 12


def test_only_the_demo_pair_gets_its_own():
    base, tuned, other = (ModelChoice(name, name) for name in ("demo-base", "demo-tuned", "other"))
    assert default_instructions(base, tuned) is demo_instructions()
    assert default_instructions(base, other) is natural_instructions()
    assert default_instructions(other, other) is natural_instructions()
