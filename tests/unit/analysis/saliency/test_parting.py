"""Where two greedy responses part."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from analysis.models.tokens import Tokens
from analysis.request import ModelChoice
from analysis.saliency.parting import Parting, Said, parting
from analysis.saliency.request import AttributionRequest
from tests.support.scripted_session import attribution

WHOLE = attribution(AttributionRequest(ModelChoice("m", "m"), "Say it."))


def response(*texts, ids=None, ended="end", probabilities=()):
    ids = ids or tuple(hash(text.strip()) for text in texts)
    return msgspec.structs.replace(
        WHOLE,
        response_tokens=Tokens(ids, texts, ((0, 0),) * len(texts)),
        ended=ended,
        probabilities=np.array(probabilities, np.float32),
    )


def test_they_part_at_the_first_token_that_differs_with_what_either_says_there():
    base = response("It", " is", " so", probabilities=(0.5, 0.25, 0.75))
    found = parting(base, response("It", " was", ended="length"))
    assert found == Parting(1, Said(" is", 0.25), Said(" was", None))


def test_a_response_that_ends_parts_from_one_that_goes_on_and_one_that_is_cut_does_not():
    longer = response("It", " is")
    assert parting(response("It"), longer) == Parting(1, Said(None), Said(" is"))
    assert parting(longer, response("It", ended="length")) == Parting(1)


@pytest.mark.parametrize(("ended", "whole"), [("end", True), ("length", False)])
def test_equal_responses_do_not_part_as_far_as_they_go(ended, whole):
    assert parting(response("It", ended=ended), response("It", ended=ended)) == Parting(
        1, ended=whole
    )


def test_a_template_s_space_before_the_first_word_is_no_difference():
    assert parting(response(" It", " is"), response("It", " was")).alike == 1
    assert parting(response("a", " It"), response("a", "It")).alike == 1
    assert parting(response("\n", "a"), response(" ", "a")).alike == 0


@pytest.mark.parametrize(
    "other",
    [
        response("It", " is", ids=(5, 6)),
        response("It", ended="given"),
        response("It", ended="running"),
    ],
)
def test_it_is_not_told_of_other_tokenizers_or_of_what_no_model_finished(other):
    assert parting(response("It", " was"), other) is None
