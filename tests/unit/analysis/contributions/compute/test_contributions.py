"""Contributions against the model with all but one part held, and against formulas by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from analysis.contributions.compute import sums
from analysis.contributions.compute.contributions import take_apart
from analysis.contributions.compute.layout import layout
from analysis.engine.weights import weights_of
from analysis.problems import ProblemError
from tests.support.small_models import CONFIGURATIONS, EXPERTS, small_model
from tests.unit.analysis.contributions.compute.held import Held

IDS = tuple((7 * n) % 90 + 3 for n in range(20))
TOKEN, RIVAL = 5, 11
# Of a float32 model against one in float64.
CLOSE = {"rtol": 1e-4, "atol": 2e-5}


def names(model: PreTrainedModel) -> tuple[list[str], list[str], list[str]]:
    """Names of output projections, of down projections, and of mixtures, by layer."""
    of = {id(module): name for name, module in model.named_modules()}
    parts = layout(model)
    return (
        [of[id(each.output)] for each in parts],
        [of[id(each.down)] for each in parts if each.down is not None],
        [of[id(each.mixture)] for each in parts if each.mixture is not None],
    )


@pytest.mark.parametrize("family", CONFIGURATIONS)
def test_a_part_taken_away_is_missing_from_the_logit(family: str) -> None:
    model = small_model(family)
    found = take_apart(model, IDS, TOKEN)
    exact = small_model(family, dtype=torch.float64)
    outputs, downs, mixtures = names(exact)
    held = Held(exact, IDS, [*outputs, *downs], mixtures)
    p = torch.tensor(_final(exact)).softmax(0)

    def both(change: Tensor) -> tuple[float, float]:
        return float(change[TOKEN]), float(change[TOKEN] - p @ change)

    for layer, output in enumerate(outputs):
        for head, direct in enumerate(found.direct.parts.heads[layer]):

            def without(values: Tensor, at: int = head) -> Tensor:
                values = values.view(4, -1).clone()
                values[at] = 0
                return values.flatten()

            expected = both(held.change(output, without))
            centred = found.centred.parts.heads[layer, head]
            np.testing.assert_allclose((direct, centred), expected, **CLOSE)
    for layer, network in enumerate(mixtures or downs):
        expected = both(held.change(network, torch.zeros_like))
        of = found.direct.parts, found.centred.parts
        np.testing.assert_allclose([each.feed_forward[layer] for each in of], expected, **CLOSE)
    assert found.logit == pytest.approx(float(held.logits[TOKEN]), abs=1e-4)


@pytest.mark.parametrize("family", CONFIGURATIONS)
def test_parts_add_up_and_words_to_their_head(family: str) -> None:
    model = small_model(family)
    final = _final(model)
    # As models are loaded.
    found = take_apart(model.requires_grad_(False), IDS, TOKEN)
    log_p = torch.tensor(final, dtype=torch.float64).log_softmax(0)
    assert found.direct.parts.total == pytest.approx(found.logit, abs=1e-4)
    assert found.direct.left_over == pytest.approx(found.logit - found.direct.parts.total)
    last = found.logit if found.capped_logit is None else found.capped_logit
    assert last == pytest.approx(final[TOKEN], abs=1e-4)
    assert (found.capped_logit is not None) == (family == "gemma2")
    assert found.log_p == pytest.approx(float(log_p[TOKEN]), abs=1e-5)
    assert found.entropy == pytest.approx(float(-(log_p.exp() * log_p).sum()), abs=1e-5)
    if found.capped_logit is None:
        centred = found.log_p + found.entropy
        assert found.centred.parts.total == pytest.approx(centred, abs=1e-4)
    assert not found.without_words
    np.testing.assert_allclose(found.words.sum(axis=2), found.direct.parts.heads, **CLOSE)
    if family in EXPERTS:
        assert found.best.neurons.shape[1] == 0
        return
    for layer, every in enumerate(found.direct.neurons):
        network = float(found.direct.parts.feed_forward[layer])
        assert float(every.sum()) == pytest.approx(network, abs=1e-5)
        order = np.abs(every.numpy()).argsort()[::-1][:10]
        assert set(found.best.neurons[layer].tolist()) == set(order.tolist())


@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox"])
def test_heads_words_and_neurons_are_those_of_the_formula(family: str) -> None:
    """z · W_O · u, with u the head's row behind the last norm, written out in float64."""
    found = take_apart(small_model(family), IDS, TOKEN, RIVAL, neurons=48)
    model = small_model(family, dtype=torch.float64)
    model.set_attn_implementation("eager")
    outputs, downs, _ = names(model)
    held = Held(model, IDS, [*outputs, *downs], [])
    norm = {
        "llama": "model.norm",
        "gpt2": "transformer.ln_f",
        "gpt_neox": "gpt_neox.final_layer_norm",
    }
    last = model.get_submodule(norm[family])
    with torch.no_grad():
        states = _input(model, norm[family])[0, -1]
        row = model.lm_head.weight[TOKEN] - model.lm_head.weight[RIVAL]
        if family == "llama":
            u = row * last.weight / (states.square().mean() + last.variance_epsilon).sqrt()
        else:
            u = row * last.weight / (states.var(unbiased=False) + last.eps).sqrt()
            u = u - u.mean()
            assert found.direct.parts.ends == pytest.approx(float(row @ last.bias), abs=1e-5)
        attentions = model(input_ids=torch.tensor([IDS]), output_attentions=True).attentions
    for layer, (output, down) in enumerate(zip(outputs, downs, strict=True)):
        w_o, w_down = (_in_by_out(model, name) @ u for name in (output, down))
        heads = (held.input(output) * w_o).view(4, -1).sum(1)
        np.testing.assert_allclose(found.direct.parts.heads[layer], heads.detach(), **CLOSE)
        values = _values(model, family, layer)
        words = torch.einsum("hs,hsd,hd->hs", attentions[layer][0, :, -1], values, w_o.view(4, -1))
        np.testing.assert_allclose(found.words[layer], words.detach(), **CLOSE)
        neurons = found.best.neurons[layer]
        every = (held.input(down) * w_down).detach()[neurons.astype(np.int64)]
        np.testing.assert_allclose(found.best.contributions[layer], every, **CLOSE)
        acts = held.input(down)[neurons.astype(np.int64)]
        np.testing.assert_allclose(found.best.activations[layer], acts, **CLOSE)
        for name, told in ((output, "attention_bias"), (down, "feed_forward_bias")):
            bias = getattr(model.get_submodule(name), "bias", None)
            expected = 0.0 if bias is None else float(bias.detach() @ u)
            assert getattr(found.direct.parts, told)[layer] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("family", ["llama", "gemma3_text", "olmo2"])
def test_one_token_is_enough(family: str) -> None:
    model = small_model(family)
    found = take_apart(model, IDS[:1])
    final = _final(model, IDS[:1])
    assert found.token == int(np.argmax(final))
    assert found.direct.parts.total == pytest.approx(float(final.max()), abs=1e-4)
    assert found.words.shape == (2, 4, 1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3_text", "mixtral"])
def test_half_precision_gives_about_the_same(family: str, dtype: torch.dtype) -> None:
    found = take_apart(small_model(family, dtype=dtype), IDS, TOKEN)
    same = take_apart(small_model(family, dtype=dtype).float(), IDS, TOKEN)
    of = found.direct.parts.heads, same.direct.parts.heads
    np.testing.assert_allclose(*of, rtol=0.1, atol=0.05)
    pair = take_apart(small_model(family, dtype=dtype), IDS, TOKEN, RIVAL)
    assert pair.direct.parts.total == pytest.approx(pair.logit, abs=0.1)
    assert not found.without_words


def test_nothing_is_left_behind_in_the_model() -> None:
    model = small_model("gpt2").requires_grad_(False)
    before = model.config._attn_implementation, [each.requires_grad for each in model.parameters()]
    take_apart(model, IDS)
    now = model.config._attn_implementation, [each.requires_grad for each in model.parameters()]
    assert now == before
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in model.modules())
    assert all(each.grad is None for each in model.parameters())


def test_what_does_not_add_up_is_refused() -> None:
    model = small_model("llama")
    layer = model.model.layers[1]

    def hook(_module: object, _args: object, output: Tensor) -> Tensor:
        return output + output.square().mean(-1, keepdim=True)

    layer.register_forward_hook(hook)
    with pytest.raises(ProblemError, match="do not add up to its logit"):
        take_apart(model, IDS)


def test_words_that_do_not_add_up_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    by_source = sums.by_source

    def wrong(*given: object) -> Tensor:
        return by_source(*given) * 1.01  # type: ignore[arg-type, operator]

    monkeypatch.setattr(sums, "by_source", wrong)
    found = take_apart(small_model("llama"), IDS)
    assert found.without_words == [0, 1]
    assert np.isnan(found.words).all()


def test_a_token_is_no_rival_of_itself() -> None:
    with pytest.raises(ProblemError, match="its own rival"):
        take_apart(small_model("llama"), IDS, TOKEN, TOKEN)


def _final(model: PreTrainedModel, ids: tuple[int, ...] = IDS) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model(input_ids=torch.tensor([ids])).logits[0, -1].numpy())


def _input(model: PreTrainedModel, name: str) -> Tensor:
    """What enters a module."""
    seen: list[Tensor] = []
    module = model.get_submodule(name)
    hook = module.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    model(input_ids=torch.tensor([IDS]))
    hook.remove()
    return seen[0]


def _in_by_out(model: PreTrainedModel, name: str) -> Tensor:
    weight = model.get_submodule(name).weight
    return weight if type(model.get_submodule(name)).__name__ == "Conv1D" else weight.T


def _values(model: PreTrainedModel, family: str, layer: int) -> Tensor:
    """[H, T, d]: the values of every head."""
    name = weights_of(model).attention_module(layer)
    if family == "llama":
        with torch.no_grad():
            read = _input(model, f"{name}.v_proj")[0]
            values = model.get_submodule(f"{name}.v_proj")(read).view(len(IDS), 2, -1)
        return values.repeat_interleave(2, dim=1).transpose(0, 1)
    child = "c_attn" if family == "gpt2" else "query_key_value"
    with torch.no_grad():
        made = model.get_submodule(f"{name}.{child}")(_input(model, f"{name}.{child}")[0])
    if family == "gpt2":
        return made.chunk(3, dim=1)[2].view(len(IDS), 4, -1).transpose(0, 1)
    return made.view(len(IDS), 4, 3, -1)[:, :, 2].transpose(0, 1)
