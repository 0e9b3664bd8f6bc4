"""Weights that a model cannot take as they are: lacking, misshapen, too many, quantised."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import checkpoints
from tests.support.small_models import small_model
from tests.unit.analysis.engine.loaded import load, problem_of, reconfigure, rewrite


def test_weights_that_lack_a_tensor_are_not_filled_with_noise(copy: Path) -> None:
    rewrite(copy, lambda old: {name: old[name] for name in old if "1.mlp.up_proj" not in name})
    assert "model.layers.1.mlp.up_proj.weight" in problem_of(copy)


def test_weights_of_another_shape_are_refused(copy: Path) -> None:
    reconfigure(copy, intermediate_size=48)
    assert "of another shape: 6, model.layers.0.mlp.down_proj" in problem_of(copy)


def test_tensors_that_the_model_has_no_place_for_are_said(copy: Path) -> None:
    rewrite(copy, lambda old: old.update({"v_head.weight": torch.ones(1, 32), "x": torch.ones(2)}))
    assert load(copy).facts.notes == (
        "2 tensors of the model's files have no place in it and are not used, "
        "v_head.weight among them.",
    )


def test_layers_that_the_configuration_leaves_out_are_said(copy: Path) -> None:
    reconfigure(copy, num_hidden_layers=1)
    (note,) = load(copy).facts.notes
    assert "9 tensors" in note
    assert "model.layers.1.input_layernorm.weight" in note


def test_experts_that_cannot_be_put_together_are_named(tmp_path: Path) -> None:
    model = small_model("mixtral")
    folder = checkpoints.save(tmp_path / "m", model, checkpoints.byte_level_tokenizer())
    expert = "model.layers.0.block_sparse_moe.experts.1.w1.weight"
    rewrite(folder, lambda old: old.update({expert: torch.zeros(3, 3)}))
    reason = problem_of(folder)
    assert "do not fit its configuration" in reason
    assert "model.layers.0.mlp.experts.gate_up_proj cannot be put together" in reason
    assert "stack expects each tensor to be equal size" in reason


def test_a_tensor_that_is_there_twice_is_refused(copy: Path) -> None:
    name = "layers.0.mlp.down_proj.weight"
    rewrite(copy, lambda old: old.update({name: torch.zeros(32, 64)}))
    reason = problem_of(copy)
    assert "hold some tensors twice" in reason
    assert f"{name} and model.{name}" in reason


def test_what_older_checkpoints_hold_beside_the_weights_is_no_matter(
    copy: Path, tmp_path: Path
) -> None:
    frequencies = {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": torch.ones(4) for i in (0, 1)}
    rewrite(copy, lambda old: old.update(frequencies))
    assert load(copy).facts.notes == ()
    for family in ("gpt2", "gptj", "gpt_neox"):
        model = small_model(family)
        folder = checkpoints.save(tmp_path / family, model, checkpoints.byte_level_tokenizer())
        layer = "gpt_neox.layers.0.attention" if family == "gpt_neox" else "transformer.h.0.attn"
        masks = {
            f"{layer}.bias": torch.ones(1, 1, 64, 64, dtype=torch.uint8),
            f"{layer}.masked_bias": torch.tensor(-1e9),
        }
        rewrite(folder, lambda old, masks=masks: old.update(masks))
        assert load(folder).facts.notes == ()


@pytest.mark.parametrize(
    ("method", "package", "module"),
    [
        *((name, name, name) for name in ("bitsandbytes", "aqlm", "torchao", "vptq")),
        ("gptq", "optimum", "optimum"),
        ("awq", "gptqmodel", "gptqmodel"),
        ("hqq", "the package that it names", "hqq"),
        ("quanto", "optimum-quanto", "optimum"),
        ("compressed-tensors", "compressed-tensors", "compressed_tensors"),
        ("eetq", "kernels", "kernels"),
        ("auto-round", "auto-round", "auto_round"),
    ],
)
def test_a_quantised_model_names_the_package_it_takes(
    copy: Path, method: str, package: str, module: str
) -> None:
    if importlib.util.find_spec(module) is not None:
        pytest.skip(f"{module} is installed")
    settings: dict[str, Any] = {"quant_method": method, "bits": 4, "group_size": 128}
    settings |= {
        "bitsandbytes": {"load_in_4bit": True, "_load_in_4bit": True},
        "aqlm": {"in_group_size": 8, "out_group_size": 1},
        "torchao": {"quant_type": "int4_weight_only"},
    }.get(method, {})
    reconfigure(copy, quantization_config=settings)
    reason = problem_of(copy)
    assert f"is quantised ({method}) and cannot be loaded here." in reason
    assert f"Install {package} into insttui's environment, or give a version in" in reason
    assert "etch the model again" not in reason


@pytest.mark.skipif(torch.cuda.is_available(), reason="what takes a GPU has one")
def test_a_quantised_model_that_takes_a_gpu_names_no_package(copy: Path) -> None:
    settings = {"quant_method": "fbgemm_fp8"}
    reconfigure(copy, quantization_config=settings)
    reason = problem_of(copy)
    assert "requires a GPU" in reason
    assert "Give a version in float32, float16 or bfloat16." in reason
    assert "Install" not in reason


@pytest.mark.parametrize("settings", [None, {"quant_method": "of tomorrow"}])
@pytest.mark.parametrize("beside", ["weight_scale", None])
def test_quantised_numbers_are_not_taken_for_the_true_ones(
    copy: Path, settings: object, beside: str | None
) -> None:
    module = "model.layers.1.mlp.down_proj"

    def quantise(tensors: dict[str, torch.Tensor]) -> None:
        weight = tensors[f"{module}.weight"]
        tensors[f"{module}.weight"] = (weight / weight.abs().max() * 127).to(torch.int8)
        if beside:
            tensors[f"{module}.{beside}"] = weight.abs().max()[None] / 127

    rewrite(copy, quantise)
    reconfigure(copy, quantization_config=settings)
    reason = problem_of(copy)
    assert "quantised in a way that is not undone here" in reason
    assert module in reason


def test_quantised_weights_of_another_shape_are_called_so(copy: Path) -> None:
    def pack(tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if name.endswith("_proj.weight")]:
            tensors[name] = torch.zeros(len(tensors[name]), 4, dtype=torch.int32)

    rewrite(copy, pack)
    reconfigure(copy, quantization={"bits": 4, "group_size": 64})
    reason = problem_of(copy)
    assert "They are quantised." in reason
    assert "etch the model again" not in reason
