"""Occlusion is what a probability loses without a token, as a plain loop computes it."""

import pytest
import torch

from analysis.problems import ProblemError
from analysis.saliency.compute.importance import importance
from tests.support.small_models import small_model
from tests.unit.analysis.saliency.compute.reference import FEW, PROMPT, RESPONSE, assert_same


def probabilities(model, embeddings, response):
    """Float64 p(y_m), one forward pass a response token."""
    table = model.get_input_embeddings()
    found = []
    for m, token in enumerate(response):
        written = table(torch.tensor([response[:m]], dtype=torch.long))
        logits = model(inputs_embeds=torch.cat([embeddings, written], dim=1)).logits[0, -1]
        found.append(logits.double().softmax(0)[token])
    return torch.stack(found)


def reference(model, prompt, response, *, zeroed):
    with torch.no_grad():
        whole = model.get_input_embeddings()(torch.tensor([prompt]))
        rows = []
        for n in range(len(prompt)):
            kept = torch.zeros_like(whole[:, :1]) if zeroed else whole[:, :0]
            changed = torch.cat([whole[:, :n], kept, whole[:, n + 1 :]], dim=1)
            before = probabilities(model, whole, response)
            rows.append(before - probabilities(model, changed, response))
    return torch.stack(rows)


@pytest.mark.parametrize("method", ["occlusion", "occlusion_zeroed"])
@pytest.mark.parametrize("family", FEW)
def test_equals_a_plain_loop(family, method):
    model = small_model(family, dtype=torch.float64)
    expected = reference(model, PROMPT, RESPONSE, zeroed=method == "occlusion_zeroed")
    computed = importance(small_model(family), PROMPT, RESPONSE, method=method)
    assert computed.dtype == torch.float32
    assert float((computed - expected).abs().max()) <= 1e-6
    exact = importance(model, PROMPT, RESPONSE, method=method)
    torch.testing.assert_close(exact, expected.float(), rtol=1e-5, atol=2e-8)


def test_a_target_makes_no_difference():
    model = small_model("gpt2")
    one = importance(model, PROMPT, RESPONSE, method="occlusion", target="probability")
    assert_same(one, importance(model, PROMPT, RESPONSE, method="occlusion"))


def test_the_only_prompt_token_can_be_zeroed_but_not_deleted():
    model = small_model("llama")
    assert importance(model, [5], RESPONSE, method="occlusion_zeroed").shape == (1, len(RESPONSE))
    with pytest.raises(ProblemError, match="nothing is left") as raised:
        importance(model, [5], RESPONSE, method="occlusion")
    assert raised.value.problem.kind == "input"
