"""Silenced neurons write nothing: as if their rows of the down projection were zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from analysis.engine.tokenizing import tokenize, tokenize_response
from analysis.neurons.compute.ablation import ablation
from analysis.neurons.compute.feed_forward import feed_forwards
from analysis.neurons.request import AblationRequest, AnsweredInstruction
from analysis.problems import ProblemError
from tests.support.component_models import CHOICE, OnePool
from tests.support.small_models import CONTEXT_WINDOW
from tests.support.studies import answered

FAMILIES = ("llama", "gemma2", "gpt2", "gptj", "gpt_neox", "phi3", "mixtral", "qwen2_moe", "olmoe")
INSTRUCTIONS = (
    AnsweredInstruction("code", "Say hello", " hello there"),
    AnsweredInstruction("math", "Add two and two, then take one", " 3"),
    AnsweredInstruction("math", "List the colours", " red, green, blue and a lot more"),
)
NEURONS = ((0, 3, 17, 30, 45), (2, 11, 12, 47))
RANDOM = (((1, 2, 18, 31, 44), (0, 10, 13, 46)), ((), (5,)), ((47,), ()))


def request(**changes):
    given = {"neurons": NEURONS, "random": RANDOM, **changes}
    return AblationRequest(CHOICE, "math", instructions=INSTRUCTIONS, **given)


def zero_weights(networks, neurons):
    """The neurons' rows of the down projections, made zero for good."""
    for network, places in zip(networks, neurons, strict=True):
        for place in places:
            expert = int(np.searchsorted(network.starts, place, side="right")) - 1
            unit = place - network.starts[expert]
            if expert < network.routed:
                network.experts.down_proj.data[expert, :, unit] = 0
                continue
            down = network.down
            if type(down).__name__ == "Conv1D":
                down.weight.data[unit] = 0
            else:
                down.weight.data[:, unit] = 0


def by_hand(pool):
    """log p of every response, one instruction at a time, float64 from the logits on."""
    values = []
    for each in INSTRUCTIONS:
        prompt = tokenize(pool.loaded.tokenizer, each.prompt).ids
        response = tokenize_response(pool.loaded.tokenizer, each.response).ids
        ids = torch.tensor([[*prompt, *response]])
        with torch.no_grad():
            logits = pool.loaded.model(input_ids=ids).logits[0].double()
        chosen = logits.log_softmax(dim=-1)
        places = range(len(prompt) - 1, ids.shape[1] - 1)
        values.append(sum(float(chosen[place, ids[0, place + 1]]) for place in places))
    return values


@pytest.mark.parametrize("family", FAMILIES)
def test_silencing_is_zeroing_what_neurons_write(family):
    pool = OnePool(family)
    found = answered(ablation(request(), pool))
    np.testing.assert_allclose(found.whole, by_hand(pool), rtol=1e-4)
    networks = feed_forwards(pool.loaded.model)
    stored = {name: each.clone() for name, each in pool.loaded.model.state_dict().items()}
    for neurons, values in zip([NEURONS, *RANDOM], [found.silenced, *found.random], strict=True):
        zero_weights(networks, neurons)
        np.testing.assert_allclose(values, by_hand(pool), rtol=1e-4)
        pool.loaded.model.load_state_dict(stored)
    assert abs(found.silenced - found.whole).max() > 1e-3
    assert found.categories == ("code", "math", "math")
    assert found.neurons == 9
    assert found.response_tokens.tolist() == [
        len(tokenize_response(pool.loaded.tokenizer, each.response)) for each in INSTRUCTIONS
    ]


def test_neurons_of_another_model_are_refused():
    pool = OnePool("llama")
    for neurons in (((0,),), ((48,), ())):
        with pytest.raises(ProblemError, match="not those of small"):
            answered(ablation(request(neurons=neurons), pool))
        with pytest.raises(ProblemError, match="not those of small"):
            answered(ablation(request(random=(NEURONS, neurons)), pool))


def test_a_response_that_does_not_fit_is_left_out_with_its_instruction():
    pool = OnePool("llama")
    long = AnsweredInstruction("code", "Say it", " cat" * CONTEXT_WINDOW)
    asked = AblationRequest(CHOICE, "math", NEURONS, (long, *INSTRUCTIONS))
    found = answered(ablation(asked, pool))
    assert found.categories == ("code", "math", "math")
    np.testing.assert_allclose(found.whole, by_hand(pool), rtol=1e-4)
    assert "1 of 4" in found.notes[0]


def test_an_instruction_without_a_response_is_refused():
    asked = AblationRequest(CHOICE, "math", NEURONS, (AnsweredInstruction("math", "Say", ""),))
    with pytest.raises(ProblemError, match="no reference response"):
        answered(ablation(asked, OnePool("llama")))
