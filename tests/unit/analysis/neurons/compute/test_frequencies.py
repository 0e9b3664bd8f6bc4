"""What counts of an instruction, and which instructions are left out."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from analysis.engine.tokenizing import tokenize
from analysis.neurons.compute.frequencies import frequencies
from analysis.neurons.request import FrequenciesRequest
from analysis.neurons.result import Frequencies
from analysis.neurons.sets import EPSILONS
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from tests.support.component_models import CHOICE, OnePool
from tests.support.small_models import CONTEXT_WINDOW
from tests.support.studies import answered

PROMPTS = ("Say hello to the cat", "Add two and two", "Why?")


@pytest.fixture(scope="module")
def pool():
    return OnePool("mixtral")


def asked(pool, *prompts, **options):
    return answered(frequencies(FrequenciesRequest(CHOICE, "code", prompts, **options), pool))


def test_tokens_that_the_user_did_not_write_do_not_count(pool):
    found = asked(pool, *PROMPTS)
    tokens = [tokenize(pool.loaded.tokenizer, each) for each in PROMPTS]
    assert all(each.spans[0] is None for each in tokens)
    assert found.tokens == sum(len(each) - 1 for each in tokens)
    # Every token is routed to two experts of four.
    np.testing.assert_allclose([layer.expert_mean.sum() for layer in found.layers], 2, atol=1e-6)


def test_two_groups_of_instructions_add_up_to_their_union(pool):
    whole, first, rest = asked(pool, *PROMPTS), asked(pool, PROMPTS[0]), asked(pool, *PROMPTS[1:])
    for both, one, other in zip(whole.layers, first.layers, rest.layers, strict=True):
        np.testing.assert_array_equal(both.reached, one.reached + other.reached)
        np.testing.assert_array_equal(
            both.expert_reached, one.expert_reached + other.expert_reached
        )


def test_counts_fall_with_epsilon_and_never_exceed_the_instructions(pool):
    for layer in asked(pool, *PROMPTS).layers:
        assert layer.reached.dtype == np.uint16
        assert layer.reached.shape == (len(EPSILONS), layer.starts[-1])
        assert layer.reached.max() <= len(PROMPTS)
        assert (np.diff(layer.reached.astype(int), axis=0) <= 0).all()


def test_the_product_with_the_up_branch_is_another_activation(pool):
    gate, product = asked(pool, *PROMPTS), asked(pool, *PROMPTS, branch="product")
    assert (gate.layers[0].reached != product.layers[0].reached).any()
    assert (gate.layers[0].expert_reached == product.layers[0].expert_reached).all()


def test_the_rule_is_told_and_results_from_before_there_were_two_stay_valid(pool):
    plain, ranked = asked(pool, *PROMPTS), asked(pool, *PROMPTS, rule="percentile")
    assert (plain.rule, ranked.rule) == ("threshold", "percentile")
    for one, other in zip(plain.layers, ranked.layers, strict=True):
        assert (np.diff(other.reached.astype(int), axis=0) >= 0).all()
        np.testing.assert_array_equal(one.mean, other.mean)
        np.testing.assert_array_equal(one.expert_reached, other.expert_reached)
    request = FrequenciesRequest(ModelChoice("m", "m"), "code", ("Add.",))
    stored = "f11526789d44caf7108af1a4435e1001d0e4adcf3ab3f9986393cc274f4ccbae"
    assert request.key(["f"]) == stored
    assert msgspec.structs.replace(request, rule="percentile").key(["f"]) != stored
    (field,) = (each for each in msgspec.structs.fields(Frequencies) if each.name == "rule")
    assert field.default == "threshold"


def test_what_is_too_long_is_left_out_and_said(pool):
    long = "cat " * CONTEXT_WINDOW
    found = asked(pool, PROMPTS[0], long)
    assert found.instructions == 1
    assert found.notes == (
        f"1 of 2 instructions are left out: longer than the {CONTEXT_WINDOW} tokens that small "
        "reads.",
    )
    for nothing in ((long,), ()):
        with pytest.raises(ProblemError, match="no instruction to read"):
            asked(pool, *nothing)


def test_more_instructions_than_can_be_counted_are_refused(pool, monkeypatch):
    monkeypatch.setattr("analysis.neurons.compute.frequencies.MOST_INSTRUCTIONS", 2)
    with pytest.raises(ProblemError, match="up to 2 can be counted"):
        asked(pool, *PROMPTS)
