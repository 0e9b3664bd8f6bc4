"""The check on load passes for every family and sees each way an adapter can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from analysis.engine.weights import ModelWeights, check, weights_of
from analysis.engine.weights.gemma import GemmaWeights
from analysis.engine.weights.gpt import Gpt2Weights
from analysis.engine.weights.llama import PostNormWeights
from analysis.engine.weights.tensors import ModelTensors
from analysis.problems import ProblemError
from tests.support.own_projections import FAMILIES, any_small_model
from tests.support.small_models import small_model


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_passes(family: str) -> None:
    model = any_small_model(family)
    check(weights_of(model), model)


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2", "olmo2", "qwen2_moe"])
def test_a_model_in_bfloat16_passes(family: str) -> None:
    model = small_model(family, dtype=torch.bfloat16)
    check(weights_of(model), model)


def _read_as(adapter: type[ModelWeights], model: Any) -> ModelWeights:
    return adapter(model.config, ModelTensors(model))


class _Swapped(ModelWeights):
    """Takes the keys for the queries."""

    def query_key(self, layer: int) -> Any:
        made = super().query_key(layer)
        return replace(made, w_q=made.w_k, w_k=made.w_q)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("family", "wrong"),
    [
        ("gemma2", ModelWeights),  # w folded instead of 1 + w
        ("llama", GemmaWeights),
        ("llama", PostNormWeights),  # nothing folded
        ("mistral", _Swapped),
    ],
)
def test_a_wrong_adapter_is_found_out(
    family: str, wrong: type[ModelWeights], dtype: torch.dtype
) -> None:
    changes = {"num_key_value_heads": 4} if family == "mistral" else {}
    model = any_small_model(family, **changes).to(dtype)
    with pytest.raises(ProblemError, match="layer 0, head 0 differ") as error:
        check(_read_as(wrong, model), model)
    assert error.value.problem.kind == "model"


def _other_norm(model: Any) -> None:
    model.model.layers[1].input_layernorm.weight.data[3] += 2


def _other_keys(model: Any) -> None:
    model.model.layers[1].self_attn.k_proj.weight.data[-1] *= -1


def _other_bias(model: Any) -> None:
    model.model.layers[1].self_attn.q_proj.bias.data += 0.5


@pytest.mark.parametrize("change", [_other_norm, _other_keys, _other_bias])
def test_weights_of_another_model_are_found_out(change: Callable[[Any], None]) -> None:
    model, other = small_model("qwen2"), small_model("qwen2")
    change(other)
    check(weights_of(other), other)
    with pytest.raises(ProblemError, match=r"layer 1, head \d differ"):
        check(weights_of(other), model)


def test_a_model_of_another_shape_is_found_out() -> None:
    wide = any_small_model("llama", num_attention_heads=8, head_dim=8)
    with pytest.raises(ProblemError, match="heads is 8 there, 4 here"):
        check(weights_of(wide), small_model("llama"))
    with pytest.raises(ProblemError, match="family is gpt2 there, llama here"):
        check(weights_of(small_model("gpt2")), small_model("llama"))


def test_weights_that_are_no_numbers_are_found_out() -> None:
    model, other = small_model("gpt2"), small_model("gpt2")
    other.transformer.h[0].attn.c_attn.weight.data[0, 0] = float("nan")
    with pytest.raises(ProblemError, match="numbers that are not finite"):
        check(_read_as(Gpt2Weights, other), model)


def test_a_model_is_left_as_it_was() -> None:
    model = small_model("llama")
    check(weights_of(model), model)
    assert not any(module._forward_hooks for module in model.modules())
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
