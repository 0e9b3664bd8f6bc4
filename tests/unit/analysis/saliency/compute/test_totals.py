"""Totals are the row sums of the map, for the price of a backward pass."""

import pytest
import torch

from analysis.problems import ProblemError
from analysis.saliency.compute import head as head_module
from analysis.saliency.compute.importance import importance, totals
from tests.support.small_models import CONTEXT_WINDOW, small_model
from tests.unit.analysis.saliency.compute.reference import (
    FEW,
    PROMPT,
    RESPONSE,
    assert_close,
    reference,
)
from tests.unit.analysis.saliency.compute.test_importance import traces

SPANS = [(0, 7), (0, 1), (2, 5), (4, 4), (3, 7)]


@pytest.mark.parametrize("family", FEW)
def test_every_span_is_the_sum_of_its_columns(family):
    expected = reference(small_model(family, dtype=torch.float64), PROMPT, RESPONSE)
    sums = torch.stack([expected[:, start:stop].sum(dim=1) for start, stop in SPANS], dim=1)
    computed = totals(small_model(family), PROMPT, RESPONSE, spans=SPANS)
    assert computed.shape == (len(PROMPT), len(SPANS))
    assert not computed[:, 3].any()
    kept = [0, 1, 2, 4]
    assert_close(computed[:, kept], sums[:, kept])
    whole = totals(small_model(family), PROMPT, RESPONSE)
    assert whole.shape == (len(PROMPT),)
    assert_close(whole[:, None], sums[:, :1])


def test_the_target_is_what_is_summed():
    model = small_model("llama")
    expected = importance(model, PROMPT, RESPONSE, target="probability").sum(dim=1)
    assert_close(totals(model, PROMPT, RESPONSE, target="probability")[:, None], expected[:, None])


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2", "mixtral", "gpt_neox"])
@pytest.mark.parametrize("alone", [True, False])
def test_no_memory_to_spare_gives_the_same(family, alone, monkeypatch):
    """One layer's graph at a time, and the head for one token at a time, by itself or not."""
    model = small_model(family)
    expected = totals(model, PROMPT, RESPONSE, spans=SPANS[:2])
    if not alone:
        monkeypatch.setattr(head_module._Head, "of", lambda *_: None)
    computed = totals(model, PROMPT, RESPONSE, spans=SPANS[:2], memory_budget=1)
    assert_close(computed, expected.double())


def test_one_forward_pass_for_all_and_one_backward_pass_a_span(monkeypatch):
    """Of the whole text: what is found out first takes the beginning of it only."""
    model, passes, prompt = small_model("llama"), [], PROMPT * 4
    length = len(prompt) + len(RESPONSE) - 1

    def seen(_module, args):
        if args[0].shape[1] == length:
            passes.append("forward")

    model.model.layers[0].register_forward_pre_hook(seen)
    differentiate = torch.autograd.grad

    def counted(outputs, inputs, *args, **options):
        if inputs.shape[1] == length:
            passes.append("backward")
        return differentiate(outputs, inputs, *args, **options)

    monkeypatch.setattr(torch.autograd, "grad", counted)
    totals(model, prompt, RESPONSE, spans=[(0, 3), (3, 7)])
    assert passes == ["forward", "backward", "backward"]


def test_what_comes_after_the_last_span_is_not_read():
    model, lengths = small_model("llama"), []
    model.model.layers[0].register_forward_pre_hook(
        lambda _, args: lengths.append(args[0].shape[1])
    )
    totals(model, PROMPT, RESPONSE, spans=[(1, 2)])
    assert max(lengths) == len(PROMPT) + 1


def test_leaves_the_model_as_it_was():
    model = small_model("mixtral").train()
    before = traces(model)
    for options in ({}, {"memory_budget": 1}):
        totals(model, PROMPT, RESPONSE, **options)
        assert traces(model) == before


def test_an_empty_response_weighs_nothing():
    assert totals(small_model("llama"), PROMPT, []).tolist() == [0.0] * len(PROMPT)
    assert totals(small_model("llama"), PROMPT, [], spans=[]).shape == (len(PROMPT), 0)


def test_memory_that_runs_out_is_tried_again_a_layer_at_a_time(monkeypatch):
    model = small_model("llama")
    expected = totals(model, PROMPT, RESPONSE)
    differentiate, left = torch.autograd.grad, [1]

    def crowded(outputs, inputs, *args, **options):
        # Of the last hidden states, not of the logits.
        if left and outputs.shape[-1] == model.config.hidden_size:
            left.pop()
            raise torch.OutOfMemoryError("CUDA out of memory")
        return differentiate(outputs, inputs, *args, **options)

    monkeypatch.setattr(torch.autograd, "grad", crowded)
    computed = totals(model, PROMPT, RESPONSE)
    assert not left
    assert_close(computed[:, None], expected[:, None].double())


@pytest.mark.parametrize(
    ("prompt", "spans", "said"),
    [
        ([], None, "prompt has no tokens"),
        (PROMPT, [(0, 8)], "does not lie in the response"),
        (PROMPT, [(3, 2)], "does not lie in the response"),
        ([5] * CONTEXT_WINDOW, None, "context window"),
    ],
)
def test_refuses_what_cannot_be(prompt, spans, said):
    with pytest.raises(ProblemError, match=said):
        totals(small_model("llama"), prompt, RESPONSE, spans=spans)
