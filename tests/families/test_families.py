"""In every family that runs and is causal, maps and responses are what the definitions say."""

from __future__ import annotations

import torch

from tests.families import reference
from tests.families.family import GRADIENTS, OCCLUSIONS, Family, Outcome
from tests.families.outside import CUTS_ITS_GRADIENT, GENERATES_OTHERWISE, MAY_BE_REFUSED
from tests.families.texts import LONG_RESPONSE

# Float64 throughout: what is left is rounding, and the step of the differences.
_ROUNDING, _DIFFERENCES = 1e-9, 1e-4


def assert_good(family: Family, outcomes: dict[str, list[Outcome]]) -> None:
    """Exact; or refused in words, where a table says that it may be."""
    good = {"exact", "refused"} if family.name in MAY_BE_REFUSED else {"exact"}
    bad = {
        name: [f"{each.state}: {each.detail}" for each in several]
        for name, several in outcomes.items()
        if any(each.state not in good for each in several)
    }
    assert not bad


def test_later_tokens_change_nothing_that_was_said_before_them(family: Family) -> None:
    assert reference.foresight(family.double, LONG_RESPONSE.ids) <= _ROUNDING


def test_the_reference_is_what_differences_say(family: Family) -> None:
    values, terms = family.definition(0)
    scale = torch.maximum(values.abs().amax(dim=0), 1e-2 * terms)
    apart = []
    for row, column in ((0, 0), (3, 2), (5, 7), (5, 0)):
        slope = reference.slope(family.double, *LONG_RESPONSE, row, column)
        apart.append(abs(slope - float(values[row, column])) / float(scale[column]))
    assert (max(apart) <= _DIFFERENCES) == (family.name not in CUTS_ITS_GRADIENT)


def test_importance_is_the_gradient_by_every_method(family: Family) -> None:
    assert_good(family, {method: family.importance(method) for method in GRADIENTS})


def test_frozen_norms_are_the_gradient_of_a_source_with_constant_denominators(
    family: Family,
) -> None:
    assert_good(family, family.frozen_norms())


def test_occlusion_is_what_is_lost(family: Family) -> None:
    assert_good(family, {method: family.occlusion(method) for method in OCCLUSIONS})


def test_totals_are_the_sums_of_the_rows(family: Family) -> None:
    assert_good(family, {"totals": [family.totals()]})


def test_the_response_is_the_greedy_one(family: Family) -> None:
    if family.greedy is None:
        assert family.generation().state == "refused"
        return
    assert (family.greedy != family.plainly_greedy) == (family.name in GENERATES_OTHERWISE)
    assert_good(family, {"generation": [family.generation()]})
