"""Importance is the gradient that METHODS 1 defines, and leaves no trace."""

import gc

import numpy as np
import pytest
import torch
from torch.overrides import _get_current_function_mode_stack
from transformers import AutoModelForCausalLM

from analysis.demo.catalog import WEIGHTS
from analysis.problems import ProblemError
from analysis.saliency.compute.cost import Plan
from analysis.saliency.compute.ends import fed_ids, run
from analysis.saliency.compute.head import _Head, run_in_portions
from analysis.saliency.compute.importance import Ran, importance, importance_pieces
from analysis.saliency.density import normalize
from tests.support.small_models import CONFIGURATIONS, CONTEXT_WINDOW, VOCABULARY, small_model
from tests.unit.analysis.saliency.compute.reference import (
    EXACT,
    FEW,
    METHODS,
    PROMPT,
    RESPONSE,
    assert_close,
    assert_same,
    ran,
    reference,
)

# As long as a chat template makes a short prompt, with tokens that occur again and again.
TEMPLATE = [1, 90, 3, 91, 13, 13, 90, 4, 91, 13]


@pytest.mark.parametrize("prompt", [PROMPT, [*TEMPLATE, *PROMPT, *TEMPLATE]])
@pytest.mark.parametrize("family", FEW)
def test_both_ways_equal_one_float64_backward_pass_a_response_token(family, prompt):
    expected = reference(small_model(family, dtype=torch.float64), prompt, RESPONSE)
    model = small_model(family)
    for method in EXACT:
        facts = ran(model, prompt, RESPONSE, method=method)
        assert facts == Ran(method, "", "float32", facts.difference)
        assert (facts.difference is None) if method == "reverse" else (facts.difference < 1e-4)
        assert_close(importance(model, prompt, RESPONSE, method=method), expected)


@pytest.mark.parametrize("name", ["demo-base", "demo-tuned"])
def test_equals_the_reference_for_the_demo_pair(name):
    def load(dtype):
        return AutoModelForCausalLM.from_pretrained(WEIGHTS / name, dtype=dtype)

    prompt, response = list(range(3, 27)), list(range(40, 52))
    expected = reference(load(torch.float64), prompt, response)
    for method in EXACT:
        assert_close(importance(load(torch.float32), prompt, response, method=method), expected)


@pytest.mark.parametrize("family", ["gemma2", "gpt2"])
def test_is_how_fast_log_probability_grows_with_the_length_of_an_embedding(family):
    """The derivative along E[x_n] itself: √D is in it, positional embeddings are not."""
    model = small_model(family, dtype=torch.float64)
    ids = torch.tensor([[*PROMPT, *RESPONSE[:2]]])
    computed = importance(model, PROMPT, RESPONSE[:3])
    step = 1e-3  # Gemma's norms round to float32: a smaller step would measure that.
    largest = float(computed[:, 2].abs().max())

    def log_probability(row, factor):
        def scale(_module, _args, output):
            output = output.clone()
            output[0, row] *= factor
            return output

        hook = model.get_input_embeddings().register_forward_hook(scale)
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, -1]
        hook.remove()
        return float(logits.log_softmax(0)[RESPONSE[2]])

    for row in range(len(PROMPT)):
        slope = (log_probability(row, 1 + step) - log_probability(row, 1 - step)) / (2 * step)
        assert float(computed[row, 2]) == pytest.approx(slope, abs=2e-3 * largest)


def test_a_probability_target_differs_by_the_probability_of_the_column():
    model = small_model("llama")
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([PROMPT + RESPONSE])).logits[0, len(PROMPT) - 1 : -1]
    probabilities = logits.softmax(-1).gather(1, torch.tensor(RESPONSE)[:, None])[:, 0]
    expected = importance(model, PROMPT, RESPONSE) * probabilities
    assert_close(importance(model, PROMPT, RESPONSE, target="probability"), expected)


def test_a_token_that_is_nearly_certain_keeps_its_precision():
    """1 − p in float32 has no digits left where p is 1 − 1e-8; the column still has all."""
    model = small_model("llama", dtype=torch.float64)
    model.lm_head.weight.data *= 12
    response, surest = [], -torch.inf
    for _ in RESPONSE:
        logits = model(input_ids=torch.tensor([PROMPT + response])).logits[0, -1].detach()
        response.append(int(logits.argmax()))
        surest = max(surest, float(logits.log_softmax(0).max()))
    assert surest > -1e-6
    expected = reference(model, PROMPT, response)
    for method in EXACT:
        assert_close(importance(model.float(), PROMPT, response, method=method), expected)


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gives_most_scores_within_one(dtype, method):
    half = small_model("llama", dtype=dtype)
    expected = normalize(importance(small_model("llama"), PROMPT, RESPONSE).numpy())
    scores = normalize(importance(half, PROMPT, RESPONSE, method=method).numpy())
    assert ran(half, PROMPT, RESPONSE, method=method).dtype == str(dtype).removeprefix("torch.")
    apart = np.abs(scores.astype(int) - expected.astype(int))
    assert (apart <= 1).mean() >= 0.95
    assert (apart == 0).mean() >= 0.7


@pytest.mark.parametrize("method", METHODS)
def test_the_pieces_cover_the_map_once_and_agree_with_the_whole(method):
    model = small_model("qwen3")
    together = torch.full((len(PROMPT), len(RESPONSE)), torch.nan)
    for piece in importance_pieces(model, PROMPT, RESPONSE, method=method):
        assert bool(together[piece.rows, piece.columns].isnan().all())
        assert piece.values.shape == together[piece.rows, piece.columns].shape
        assert all(piece.values.shape)
        together[piece.rows, piece.columns] = piece.values
        by_column = method.endswith("reverse")
        whole = piece.rows if by_column else piece.columns
        assert whole == slice(0, len(PROMPT) if by_column else len(RESPONSE))
    expected = importance(model, torch.tensor(PROMPT), torch.tensor(RESPONSE), method=method)
    assert_same(together, expected)


def test_progress_counts_up_to_the_number_of_cells():
    steps = []
    importance(small_model("gpt2"), PROMPT, RESPONSE, progress=lambda *step: steps.append(step))
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})
    assert steps[-1] == (len(PROMPT) * len(RESPONSE), len(PROMPT) * len(RESPONSE))
    assert {total for _, total in steps} == {len(PROMPT) * len(RESPONSE)}


@pytest.mark.parametrize("method", METHODS)
def test_works_where_gradients_are_switched_off_and_without_dropout_in_training_mode(method):
    model = small_model("gpt2")
    expected = importance(model, PROMPT, RESPONSE, method=method)
    for setting in (torch.no_grad(), torch.inference_mode()):
        with setting:
            assert_same(importance(model, PROMPT, RESPONSE, method=method), expected)
    assert_same(importance(model.train(), PROMPT, RESPONSE, method=method), expected)


def traces(model):
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
    switches = [m.training for m in model.modules()]
    kernels = (model.config._attn_implementation, model.config._experts_implementation)
    weights = [(p.requires_grad, p.grad is None) for p in model.parameters()]
    patched = ["forward" in vars(m) for m in model.modules()]
    modes = _get_current_function_mode_stack()
    return hooks, switches, kernels, weights, patched, modes, torch.is_grad_enabled()


@pytest.mark.parametrize("method", METHODS)
def test_leaves_the_model_as_it_was_while_running_when_closed_and_when_it_fails(method):
    model = small_model("mixtral").train()
    model.lm_head.eval()
    model.model.norm.weight.requires_grad_(False)
    before = traces(model)
    pieces = importance_pieces(model, PROMPT * 4, RESPONSE, method=method)
    for _ in range(2):
        next(pieces)
        assert traces(model) == before
    pieces.close()
    gc.collect()
    assert traces(model) == before

    def fail(*_):
        raise MemoryError

    hook = model.model.layers[1].mlp.register_forward_hook(fail)
    with pytest.raises(MemoryError):
        importance(model, PROMPT, RESPONSE, method=method)
    hook.remove()
    assert traces(model) == before


@pytest.mark.parametrize("method", METHODS)
def test_no_response_has_no_columns_and_one_that_just_fits_the_window_has_all(method):
    prompt = [5] * (CONTEXT_WINDOW - 1)
    for response in ([], [6, 7]):
        computed = importance(small_model("gpt2"), prompt, response, method=method)
        assert computed.shape == (len(prompt), len(response))


def test_one_token_of_each_is_explained():
    expected = reference(small_model("llama", dtype=torch.float64), [5], [6])
    for method in EXACT:
        assert_close(importance(small_model("llama"), [5], [6], method=method), expected)


@pytest.mark.parametrize(
    ("prompt", "response", "said"),
    [
        ([], [5], "prompt has no tokens"),
        ([5, VOCABULARY], [5], "outside the model's vocabulary"),
        ([5], [-1], "outside the model's vocabulary"),
        ([5] * CONTEXT_WINDOW, [6, 7], f"reads at most {CONTEXT_WINDOW}"),
    ],
)
def test_refuses_what_the_model_cannot_take(prompt, response, said):
    with pytest.raises(ProblemError, match=said) as raised:
        importance(small_model("llama"), prompt, response)
    assert raised.value.problem.kind == "input"


@pytest.mark.parametrize("method", METHODS)
def test_says_so_when_the_model_overflows(method):
    model = small_model("llama")
    model.model.layers[0].mlp.down_proj.weight.data[0, 0] = float("inf")
    with pytest.raises(ProblemError, match="not a finite number"):
        importance(model, PROMPT, RESPONSE, method=method)


class Backward(torch.autograd.Function):
    """The identity, for which only a backward derivative is written."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


@pytest.mark.parametrize("method", ["auto", "forward"])
def test_a_model_that_cannot_do_forward_mode_is_explained_in_reverse_and_says_so(
    method, monkeypatch
):
    monkeypatch.setattr(Plan, "cheapest", lambda _: "forward")
    model = small_model("llama")
    expected = importance(model, PROMPT, RESPONSE, method="reverse")
    norm = model.model.layers[1].input_layernorm
    norm.register_forward_hook(lambda _module, _args, output: Backward.apply(output))
    facts = ran(model, PROMPT, RESPONSE, method=method)
    assert facts.method == "reverse"
    assert "forward mode" in facts.note
    assert_close(importance(model, PROMPT, RESPONSE, method=method), expected)


@pytest.mark.parametrize("method", ["auto", "forward"])
def test_a_model_that_overwrites_its_own_states_can_still_do_forward_mode(method, monkeypatch):
    monkeypatch.setattr(Plan, "cheapest", lambda _: "forward")
    expected = importance(small_model("gpt2"), PROMPT, RESPONSE, method="reverse")
    model = small_model("gpt2")

    def overwritten(_module, _args, output):
        output = output * 2
        return output.mul_(output.detach().sign() ** 2 / 2)

    model.transformer.h[0].mlp.register_forward_hook(overwritten)
    facts = ran(model, PROMPT, RESPONSE, method=method)
    assert (facts.method, facts.note) == ("forward", "")
    assert_close(importance(model, PROMPT, RESPONSE, method=method), expected)


PARTS = ("embeddings", "states", "seeds", "probabilities", "doubts")
GIVEN = torch.tensor(PROMPT), torch.tensor(RESPONSE)


def assert_portions_are_the_whole(model):
    whole = run(model, fed_ids(model, *GIVEN), GIVEN[1], graph=False)
    portions = run_in_portions(model, *GIVEN, 3, graph=False)
    for part in PARTS:
        torch.testing.assert_close(getattr(portions, part), getattr(whole, part))


@pytest.mark.parametrize("family", CONFIGURATIONS)
def test_every_family_takes_its_head_by_itself(family):
    """Its scaling, capping and transforming included."""
    model = small_model(family)
    assert _Head.of(model, torch.tensor([[3, 4]])) is not None
    assert_portions_are_the_whole(model)


def test_a_head_that_looks_at_more_than_states_is_passed_with_the_whole_text():
    model = small_model("llama")

    def more(_module, _args, kwargs, output):
        output.logits = output.logits + kwargs["input_ids"].float().mean()
        output.logits[..., kwargs["input_ids"][0, 0]] += 1

    model.register_forward_hook(more, with_kwargs=True)
    assert _Head.of(model, torch.tensor([[3, 4]])) is None
    assert_portions_are_the_whole(model)
