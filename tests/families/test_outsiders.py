"""What the tables say of the types outside is so, and those that exist are refused in words."""

from __future__ import annotations

import pytest
import torch

from tests.families import reference
from tests.families.family import Outcome, asked_of_an_outsider
from tests.families.models import exact, tiny
from tests.families.outside import CANNOT_RUN, SEES_AHEAD, TOLD_TO_DECODE
from tests.families.texts import LONG_RESPONSE


def sees_ahead(name: str, **otherwise: object) -> bool:
    return reference.foresight(exact(tiny(name, **otherwise)), LONG_RESPONSE.ids) > 1e-3


def test_it_is_outside_for_the_reason_given(outsider: str) -> None:
    if outsider in SEES_AHEAD:
        assert sees_ahead(outsider)
        return
    with pytest.raises(Exception, match=CANNOT_RUN[outsider].error):
        tiny(outsider)(input_ids=torch.tensor([LONG_RESPONSE.ids]))


def test_it_is_refused_in_words(outsider: str) -> None:
    try:
        model = tiny(outsider)
    except Exception:
        pytest.skip("transformers builds no such model")
    outcomes = asked_of_an_outsider(model)
    response = outcomes.pop("generation")
    assert_refused(outcomes)
    # A response needs no causality, though a model that runs.
    good = {"refused"} if outsider in CANNOT_RUN else {"refused", "exact"}
    assert response.state in good, response.detail


def test_it_sees_both_ways_unless_told_otherwise(told_to_decode: str) -> None:
    attribute, usual = TOLD_TO_DECODE[told_to_decode]
    assert sees_ahead(told_to_decode, **{attribute: usual})
    outcomes = asked_of_an_outsider(tiny(told_to_decode, **{attribute: usual}))
    assert_refused({name: each for name, each in outcomes.items() if name != "generation"})


def assert_refused(outcomes: dict[str, Outcome]) -> None:
    assert {name: each for name, each in outcomes.items() if each.state != "refused"} == {}
