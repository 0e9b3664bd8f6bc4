"""After the end, a cancel, an error or an out-of-memory the model computes what it did before."""

from __future__ import annotations

import pytest
import torch

from analysis.neurons.compute.ablation import ablation
from analysis.neurons.compute.frequencies import frequencies
from analysis.neurons.request import AblationRequest, AnsweredInstruction, FrequenciesRequest
from analysis.problems import ProblemError
from tests.support.component_models import CHOICE, OnePool, traces
from tests.support.studies import answered

FAMILIES = ("llama", "gpt2", "mixtral", "qwen2_moe", "olmoe")
PROMPTS = ("Say hello", "List two colours, a shape", "Add 2", "Is it?", "A cat sat there, or not?")
ANSWERED = tuple(AnsweredInstruction("code", each, " yes") for each in PROMPTS)
NEURONS, RANDOM = ((1, 5, 20), (0, 40)), (((0, 2, 21), (1, 41)), ((3, 4, 5), (6, 7)))
REQUESTS = (
    (frequencies, FrequenciesRequest(CHOICE, "code", PROMPTS)),
    (ablation, AblationRequest(CHOICE, "code", NEURONS, ANSWERED, RANDOM)),
)


@pytest.fixture(autouse=True)
def quick_release(monkeypatch):
    """Collecting garbage between small batches would take most of the time."""
    monkeypatch.setattr("analysis.neurons.compute.batches.release", lambda device: None)


@pytest.fixture(params=FAMILIES)
def pool(request):
    return OnePool(request.param)


def logits(pool):
    with torch.no_grad():
        return pool.loaded.model(input_ids=torch.arange(3, 40)[None]).logits


@pytest.mark.parametrize(("analysis", "request_"), REQUESTS, ids=["frequencies", "ablation"])
def test_the_end_and_a_cancel_anywhere_leave_no_trace(pool, analysis, request_, monkeypatch):
    monkeypatch.setattr("analysis.neurons.compute.batches.TOKENS", 16)
    before, clean = logits(pool), traces(pool.loaded.model)
    for steps_taken in range(1, 6):
        steps = analysis(request_, pool)
        for _ in range(steps_taken):
            next(steps)
            # Nothing even while it waits for its next step.
            assert traces(pool.loaded.model) == clean
        steps.close()
    answered(analysis(request_, pool))
    assert traces(pool.loaded.model) == clean
    assert torch.equal(logits(pool), before)


@pytest.mark.parametrize(("analysis", "request_"), REQUESTS, ids=["frequencies", "ablation"])
@pytest.mark.parametrize(
    "error", [ValueError("broken"), MemoryError(), KeyboardInterrupt()], ids=repr
)
def test_an_error_in_the_middle_of_a_pass_leaves_no_trace(pool, analysis, request_, error):
    model = pool.loaded.model
    before = logits(pool)
    middle = next(module for name, module in model.named_modules() if name.endswith(".1.mlp"))
    hook = middle.register_forward_hook(lambda *_: (_ for _ in ()).throw(error))
    expected = ProblemError if isinstance(error, MemoryError) else type(error)
    with pytest.raises(expected):
        answered(analysis(request_, pool))
    hook.remove()
    assert traces(model) == []
    assert torch.equal(logits(pool), before)


def test_a_forward_method_that_was_replaced_before_is_put_back():
    pool = OnePool("mixtral")
    experts = pool.loaded.model.model.layers[0].mlp.experts
    own = experts.forward
    experts.forward = own
    answered(frequencies(REQUESTS[0][1], pool))
    assert vars(experts)["forward"] is own


def test_where_memory_is_short_less_is_read_at_a_time_and_the_counts_are_the_same(monkeypatch):
    pool = OnePool("llama")
    expected = answered(frequencies(REQUESTS[0][1], pool))
    body = pool.loaded.model.model
    plain = type(body).forward

    def cramped(self, input_ids, **options):
        output = plain(self, input_ids=input_ids, **options)
        if len(input_ids) > 2:
            raise MemoryError
        return output

    monkeypatch.setattr(type(body), "forward", cramped)
    found = answered(frequencies(REQUESTS[0][1], pool))
    assert pool.evicted > 0
    for one, other in zip(found.layers, expected.layers, strict=True):
        assert (one.reached == other.reached).all()
    assert found.instructions == len(PROMPTS)
