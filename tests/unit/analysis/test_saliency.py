"""Importance is the gradient that METHODS 1 defines, for every family, and leaves no trace."""

import gc

import pytest
import torch

from analysis.problems import ProblemError
from analysis.saliency import importance, importance_columns
from tests.support.small_models import CONFIGURATIONS, CONTEXT_WINDOW, VOCABULARY, small_model

PROMPT = [1, 40, 7, 7, 95, 12, 33, 58, 21, 64, 80]
RESPONSE = [17, 40, 5, 88, 2, 71, 7]


def reference(model, prompt, response):
    """One forward and one backward pass a response token, float64, fed as embeddings."""
    result = torch.zeros(len(prompt), len(response), dtype=torch.float64)
    for m, token in enumerate(response):
        ids = torch.tensor([[*prompt, *response[:m]]])
        embeddings = model.get_input_embeddings()(ids).detach().requires_grad_()
        logits = model(inputs_embeds=embeddings).logits[0, -1]
        (logits[token] - logits.logsumexp(0)).backward()
        for n in range(len(prompt)):
            result[n, m] = embeddings[0, n] @ embeddings.grad[0, n]
    return result


def assert_close(computed, expected, tolerance=1e-4):
    assert computed.dtype == torch.float32
    assert computed.shape == expected.shape
    expected = expected.detach()
    largest = expected.abs().amax(dim=0)
    assert bool((largest > 0).all())
    assert float(((computed - expected).abs() / largest).max()) <= tolerance


@pytest.mark.parametrize("family", CONFIGURATIONS)
def test_equals_one_float64_backward_pass_a_response_token(family):
    expected = reference(small_model(family, dtype=torch.float64), PROMPT, RESPONSE)
    assert_close(importance(small_model(family), PROMPT, RESPONSE), expected)


@pytest.mark.parametrize("name", ["demo-base", "demo-tuned"])
def test_equals_the_reference_for_the_demo_pair(name):
    from transformers import AutoModelForCausalLM

    from analysis.demo.catalog import model_path

    def load(dtype):
        return AutoModelForCausalLM.from_pretrained(model_path(name), dtype=dtype)

    prompt = list(range(3, 27))
    response = list(range(40, 52))
    expected = reference(load(torch.float64), prompt, response)
    assert_close(importance(load(torch.float32), prompt, response), expected)


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


def confident(dtype):
    """A model and the response that it is nearly certain of."""
    model = small_model("llama", dtype=torch.float64)
    model.lm_head.weight.data *= 12
    response = []
    for _ in RESPONSE:
        logits = model(input_ids=torch.tensor([PROMPT + response])).logits[0, -1]
        response.append(int(logits.argmax()))
    return model.to(dtype), response


def test_a_token_that_is_nearly_certain_keeps_its_precision():
    """1 − p in float32 has no digits left where p is 1 − 1e-8; the column still has all."""
    model, response = confident(torch.float64)
    expected = reference(model, PROMPT, response)
    ids = torch.tensor([PROMPT + response])
    logits = model(input_ids=ids).logits[0, len(PROMPT) - 1 : -1].detach()
    assert float(logits.log_softmax(1).max(dim=1).values.max()) > -1e-6
    assert_close(importance(confident(torch.float32)[0], PROMPT, response), expected)


def test_half_precision_gives_float32_near_the_exact_values():
    exact = importance(small_model("llama"), PROMPT, RESPONSE)
    rough = importance(small_model("llama", dtype=torch.bfloat16), PROMPT, RESPONSE)
    assert_close(rough, exact, tolerance=0.2)


def test_columns_come_one_by_one_and_agree_with_the_whole():
    model = small_model("qwen3")
    columns = dict(importance_columns(model, PROMPT, RESPONSE))
    assert sorted(columns) == list(range(len(RESPONSE)))
    whole = importance(model, torch.tensor(PROMPT), torch.tensor(RESPONSE))
    assert torch.equal(torch.stack([columns[m] for m in sorted(columns)], dim=1), whole)


def test_progress_counts_up_to_the_number_of_response_tokens():
    steps = []
    importance(small_model("gpt2"), PROMPT, RESPONSE, progress=lambda *step: steps.append(step))
    assert steps == [(done, len(RESPONSE)) for done in range(1, len(RESPONSE) + 1)]


def test_works_where_gradients_are_switched_off():
    model = small_model("llama")
    expected = importance(model, PROMPT, RESPONSE)
    with torch.no_grad():
        assert torch.equal(importance(model, PROMPT, RESPONSE), expected)
    with torch.inference_mode():
        assert torch.equal(importance(model, PROMPT, RESPONSE), expected)


def traces(model):
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
    switches = [m.training for m in model.modules()]
    return hooks, switches, [(p.requires_grad, p.grad is None) for p in model.parameters()]


def test_leaves_the_model_as_it_was_while_running_and_when_closed():
    model = small_model("llama").train()
    model.lm_head.eval()
    model.model.norm.weight.requires_grad_(False)
    before = traces(model)
    columns = importance_columns(model, PROMPT, RESPONSE)
    next(columns)
    assert traces(model) == before
    columns.close()
    gc.collect()
    assert traces(model) == before


def test_leaves_the_model_as_it_was_when_it_fails():
    model = small_model("llama").train()
    before = traces(model)

    def fail(*_):
        raise MemoryError

    hook = model.model.layers[1].mlp.register_forward_hook(fail)
    with pytest.raises(MemoryError):
        importance(model, PROMPT, RESPONSE)
    hook.remove()
    assert traces(model) == before


def test_evaluates_without_dropout_even_in_training_mode():
    model = small_model("gpt2")
    expected = importance(model, PROMPT, RESPONSE)
    assert torch.equal(importance(model.train(), PROMPT, RESPONSE), expected)


def test_an_empty_response_has_no_columns():
    assert importance(small_model("llama"), PROMPT, []).shape == (len(PROMPT), 0)


def test_a_sequence_that_just_fits_the_context_window_is_explained():
    prompt = [5] * (CONTEXT_WINDOW - 1)
    assert importance(small_model("gpt2"), prompt, [6, 7]).shape == (CONTEXT_WINDOW - 1, 2)


@pytest.mark.parametrize(
    ("prompt", "response", "said"),
    [
        ([], [5], "prompt has no tokens"),
        ([5, VOCABULARY], [5], "outside the model's vocabulary"),
        ([5], [-1], "outside the model's vocabulary"),
        ([5] * CONTEXT_WINDOW, [6, 7], f"context window has {CONTEXT_WINDOW}"),
    ],
)
def test_refuses_what_the_model_cannot_take(prompt, response, said):
    with pytest.raises(ProblemError, match=said) as raised:
        importance(small_model("llama"), prompt, response)
    assert raised.value.problem.kind == "input"


def test_says_so_when_the_model_overflows():
    model = small_model("llama")
    model.model.layers[0].mlp.down_proj.weight.data[0, 0] = float("inf")
    with pytest.raises(ProblemError, match="not a finite number"):
        importance(model, PROMPT, RESPONSE)
