"""The plan follows the shape, not a rule of thumb, and keeps to the budget."""

from dataclasses import replace

import pytest
import torch

from analysis.saliency.compute.cost import Plan, Shape, shape_of
from tests.support.small_models import CONFIGURATIONS, small_model

LLAMA_7B = Shape(32, 4096, 11008, 32, 32000, 32 * 202_375_168, 2, False, torch.device("cuda"))
D512 = Shape(8, 512, 1376, 8, 32000, 8 * 3_162_112, 4, False, torch.device("cpu"))
PLENTY = 1 << 40


def test_few_prompt_tokens_go_forward_and_few_response_tokens_in_reverse():
    for shape in (LLAMA_7B, D512):
        for few, many in ((32, 300), (64, 1000)):
            assert Plan(shape, few, many, PLENTY).cheapest() == "forward"
            assert Plan(shape, many, few, PLENTY).cheapest() == "reverse"


def test_a_map_costs_a_backward_pass_for_every_response_token_up_to_its_own_place():
    prompt, response = 1000, 64
    plan = Plan(LLAMA_7B, prompt, response, PLENTY)
    passes = sum(1.3 * (prompt + column) / plan.length for column in range(response))
    assert plan.cheapest() == "reverse"
    assert plan.passes() == pytest.approx(passes, rel=0.15)


def test_a_model_so_small_that_recording_it_takes_longest_goes_in_reverse():
    tiny = replace(D512, width=32, inner=64, weights=8 * 4 * 32**2)
    assert Plan(tiny, 12, 16, PLENTY).cheapest() == "reverse"
    assert Plan(D512, 12, 64, PLENTY).cheapest() == "forward"


@pytest.mark.parametrize("prompt", [1, 2, 3, 17, 64, 1500])
@pytest.mark.parametrize("response", [1, 2, 300, 1500])
def test_blocks_part_the_text_and_one_begins_at_the_first_state_asked_for(prompt, response):
    for shape in (LLAMA_7B, D512):
        ends = Plan(shape, prompt, response, PLENTY).blocks()
        assert list(ends) == sorted(set(ends))
        assert ends[0] > 0
        assert ends[-1] == prompt + response - 1
        assert prompt == 1 or prompt - 1 in ends


def test_a_smaller_budget_means_smaller_portions_never_none():
    budgets = [PLENTY, 1 << 33, 1 << 31, 1 << 30, 1 << 26, 1]
    for shape in (LLAMA_7B, D512):
        plans = [Plan(shape, 500, 500, budget) for budget in budgets]
        for portion in (Plan.head, Plan.segment, Plan.sequences):
            sizes = [portion(plan) for plan in plans]
            assert sizes == sorted(sizes, reverse=True)
            assert sizes[-1] == 1
        assert plans[0].taped() > plans[-1].taped()
        assert plans[0].checkpointed() < plans[-1].checkpointed()
        assert plans[-1].tangents() == 1 < plans[0].tangents()


@pytest.mark.parametrize("family", CONFIGURATIONS)
def test_the_shape_of_every_family_is_found(family):
    shape = shape_of(small_model(family))
    assert (shape.layers, shape.width, shape.heads, shape.vocabulary) == (2, 32, 4, 97)
    assert (shape.itemsize, shape.device) == (4, torch.device("cpu"))
    assert shape.inner >= 24


def test_weights_that_come_only_to_run_take_memory_from_what_keeps_them_and_time_from_passes():
    away = replace(D512, away=1 << 30)
    # Enough for what passes through, not for the weights beside it.
    room = 1 << 30
    for prompt, response in ((64, 64), (200, 20)):
        there, elsewhere = (Plan(each, prompt, response, room) for each in (D512, away))
        assert (there.taped(), elsewhere.taped()) == (True, False)
        assert (there.checkpointed(), elsewhere.checkpointed()) == (False, True)
        assert Plan(away, prompt, response, PLENTY).taped()
        assert len(elsewhere.blocks()) <= len(there.blocks())
    # In reverse they come for every response token, forward for every batch of prompt tokens.
    assert Plan(D512, 100, 20, room).cheapest() == "reverse"
    assert Plan(away, 100, 20, room).cheapest() == "forward"
