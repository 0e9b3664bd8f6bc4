"""Every parameter of a model is listed once, as what its own module makes of it."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from analysis.engine.weights import open_weights, weights_of
from analysis.engine.weights.matrices import WeightTensor, matrices, outside_layers
from tests.support.checkpoints import byte_level_tokenizer, save
from tests.support.weight_models import any_small_model
from tests.unit.analysis.engine.loaded import rewrite

FAMILIES = ("llama", "phi3", "gpt2", "gptj", "gpt_neox", "mixtral", "qwen2_moe", "qwen3_moe")
EXPERTS = ("mixtral", "qwen2_moe", "qwen3_moe")

# What a layer of these consists of, in order, without norms and biases.
ROLES = {
    "llama": "query key value output gate up down",
    "phi3": "query_key_value output gate_up down",
    "gpt2": "query_key_value output up down",
    "gptj": "query key value output up down",
    "gpt_neox": "query_key_value output up down",
}


@cache
def model_of(family: str) -> PreTrainedModel:
    return any_small_model(family)


def everything(weights) -> list[WeightTensor]:
    layers = [each for layer in range(weights.layers) for each in matrices(weights, layer)]
    return [*layers, *outside_layers(weights)]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_is_listed_once_in_memory_and_on_disk(family, tmp_path):
    model = model_of(family)
    stored = open_weights(save(tmp_path / family, model, byte_level_tokenizer()))
    for weights in (weights_of(model), stored):
        names = [name for each in everything(weights) for name in each.names]
        assert sorted(names) == sorted(weights.tensors.names())


@pytest.mark.parametrize("family", FAMILIES)
def test_matrices_have_the_inputs_and_outputs_of_their_modules(family):
    model = model_of(family)
    modules = dict(model.named_modules())
    checked = 0
    for tensor in everything(weights_of(model)):
        module = modules.get(tensor.names[0].removesuffix(".weight"))
        if isinstance(module, nn.Linear):
            assert tensor.in_out == (module.in_features, module.out_features)
            assert tensor.out_by_in
        elif isinstance(module, Conv1D):
            assert tensor.in_out == tuple(module.weight.shape)
            assert not tensor.out_by_in
        else:
            continue
        checked += 1
        width = model.config.hidden_size
        assert tensor.side == "" or width == tensor.in_out[tensor.side == "writes"]
    assert checked > 4


@pytest.mark.parametrize("family", ROLES)
def test_a_dense_layers_matrices_have_roles_in_the_order_of_use(family):
    weights = weights_of(model_of(family))
    listed = matrices(weights, 1)
    assert [each.role for each in listed if each.is_matrix] == ROLES[family].split()
    for each in listed:
        if each.is_matrix:
            writes = each.role in ("output", "down")
            assert each.side == ("writes" if writes else "reads")
            assert each.words == ("output" if writes else "input")
    assert {each.role for each in outside_layers(weights)} >= {"embeddings", "head"}


@pytest.mark.parametrize("family", EXPERTS)
def test_experts_are_one_tensor_though_files_hold_them_one_by_one(family, tmp_path):
    model = model_of(family)
    stored = open_weights(save(tmp_path / family, model, byte_level_tokenizer()))
    (down,) = (each for each in matrices(weights_of(model), 1) if each.role == "experts.down")
    (read,) = (each for each in matrices(stored, 1) if each.role == "experts.down")
    assert read == down
    assert (down.stacked, len(down.names), down.experts, down.side) == (True, 1, 4, "writes")
    for expert in range(4):
        one = weights_of(model).tensors.read(down.names[0], expert)
        assert torch.equal(stored.tensors.read(down.names[0], expert), one)
    assert any(each.role == "router" for each in matrices(stored, 1))


def test_what_is_no_weight_is_left_out_and_an_unknown_name_is_kept(tmp_path):
    folder = save(tmp_path / "model", model_of("llama"), byte_level_tokenizer())

    def change(tensors):
        own = {
            name.replace("layers.0.self_attn.v_proj", "layers.0.self_attn.w_strange"): value
            for name, value in tensors.items()
        }
        return own | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}

    rewrite(folder, change)
    weights = open_weights(folder)
    roles = [each.role for each in matrices(weights, 0)]
    assert "self_attn.w_strange" in roles
    assert not any("inv_freq" in role for role in roles)
    strange = next(each for each in matrices(weights, 0) if each.role == "self_attn.w_strange")
    assert strange.side == ""
    assert strange.in_out == (32, 16)
    with pytest.raises(IndexError):
        matrices(weights, 2)
