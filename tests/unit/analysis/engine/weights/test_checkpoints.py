"""Weights read from folders as they really come: old names, ties, half floats, holes, giants."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    BloomConfig,
    BloomForCausalLM,
    Gemma3Config,
    PreTrainedModel,
    SiglipVisionConfig,
)

from analysis.engine.weights import open_weights, weights_of
from analysis.engine.weights.adapter import ModelWeights
from analysis.problems import ProblemError
from tests.support.checkpoints import add_adapter, byte_level_tokenizer, hub_cache, pickled, save
from tests.support.own_projections import any_small_model
from tests.support.small_models import CONFIGURATIONS, small_model


def _saved(folder: Path, model: PreTrainedModel) -> Path:
    return save(folder, model, byte_level_tokenizer())


def _rewrite(folder: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> None:
    """Replace the tensors of a folder."""
    file = folder / "model.safetensors"
    save_file({k: v.contiguous() for k, v in change(load_file(file)).items()}, file)


def _reconfigure(folder: Path, **changes: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def _same(ours: ModelWeights, theirs: ModelWeights) -> bool:
    """Whether two sources give the same of everything that a dense model has."""
    pairs = [
        (ours.input_embeddings(), theirs.input_embeddings()),
        (ours.output_embeddings(), theirs.output_embeddings()),
    ]
    for layer in range(theirs.layers):
        one, other = ours.query_key(layer), theirs.query_key(layer)
        pairs += [(one.w_q, other.w_q), (one.w_k, other.w_k)]
        pairs.append((ours.down_projection(layer), theirs.down_projection(layer)))
    return all(torch.equal(one, other) for one, other in pairs)


def test_gpt2_as_first_published_has_no_prefix(tmp_path: Path) -> None:
    model = small_model("gpt2")
    folder = _saved(tmp_path / "model", model)
    _rewrite(folder, lambda old: {name.removeprefix("transformer."): old[name] for name in old})
    assert "h.0.attn.c_attn.weight" in load_file(folder / "model.safetensors")
    assert _same(open_weights(folder), weights_of(model))


def test_tied_embeddings_need_no_output_head(tmp_path: Path) -> None:
    model = any_small_model("llama", tie_word_embeddings=True)
    folder = _saved(tmp_path / "model", model)
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    weights = open_weights(folder)
    assert torch.equal(weights.output_embeddings(), model.get_output_embeddings().weight)
    assert torch.equal(weights.output_embeddings(), weights.input_embeddings())


def test_a_tied_gemma_reads_out_unscaled(tmp_path: Path) -> None:
    weights = open_weights(_saved(tmp_path / "model", small_model("gemma2")))
    scaled = weights.output_embeddings() * 32**0.5
    assert torch.allclose(weights.input_embeddings(), scaled)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_floats_become_float32_without_loss(tmp_path: Path, dtype: torch.dtype) -> None:
    model = small_model("llama", dtype=dtype)
    weights = open_weights(_saved(tmp_path / "model", model))
    embeddings = weights.input_embeddings()
    assert embeddings.dtype == weights.query_key(0).w_q.dtype == torch.float32
    assert torch.equal(embeddings.to(dtype), model.get_input_embeddings().weight)
    assert _same(weights, weights_of(model))


def test_a_snapshot_in_the_hub_cache_is_read_through_its_links(tmp_path: Path) -> None:
    model = small_model("qwen2")
    source = _saved(tmp_path / "source", model)
    snapshot = hub_cache(tmp_path / "cache", "someone/small", source)
    assert _same(open_weights(snapshot), weights_of(model))


def test_experts_stored_as_one_tensor_are_read_one_by_one(tmp_path: Path) -> None:
    model = small_model("mixtral")
    folder = _saved(tmp_path / "model", model)

    def fused(old: dict[str, Tensor]) -> dict[str, Tensor]:
        kept = {name: old[name] for name in old if ".experts." not in name}
        layers = model.model.layers
        return kept | {
            f"model.layers.{i}.mlp.experts.down_proj": layers[i].mlp.experts.down_proj.detach()
            for i in range(2)
        }

    there = open_weights(folder)
    expected = [there.expert_down_projection(1, expert) for expert in range(4)]
    _rewrite(folder, fused)
    weights = open_weights(folder)
    for expert in range(4):
        assert torch.equal(weights.expert_down_projection(1, expert), expected[expert])


@pytest.mark.parametrize("body", ["language_model.model.", "model.language_model."])
def test_the_text_model_inside_a_multimodal_gemma_is_found(tmp_path: Path, body: str) -> None:
    text = AutoConfig.for_model("gemma3_text", **CONFIGURATIONS["gemma3_text"])
    vision = SiglipVisionConfig(
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        image_size=8,
        patch_size=4,
    )
    config = Gemma3Config(
        text_config=text, vision_config=vision, mm_tokens_per_image=4, image_token_index=90
    )
    model = AutoModelForImageTextToText.from_config(config).eval()
    folder = _saved(tmp_path / "model", model)
    _rewrite(
        folder,
        lambda old: {name.replace("language_model.model.", body): old[name] for name in old},
    )
    assert f"{body}embed_tokens.weight" in load_file(folder / "model.safetensors")
    weights = open_weights(folder)
    assert weights.family == "gemma3_text"
    assert _same(weights, weights_of(model))


def test_a_file_larger_than_the_memory_is_read_in_part(tmp_path: Path) -> None:
    folder = _saved(tmp_path / "model", small_model("llama"))
    rows = 2**33
    shape = {"dtype": "BF16", "shape": [rows, 32], "data_offsets": [0, rows * 64]}
    header = json.dumps({"model.embed_tokens.weight": shape}).encode()
    with (folder / "model.safetensors").open("wb") as stream:
        stream.write(struct.pack("<Q", len(header)) + header)
        # Half a terabyte that takes no room on the disk.
        stream.truncate(8 + len(header) + rows * 64)
        stream.seek(-64, 2)
        stream.write(torch.ones(32, dtype=torch.bfloat16).view(torch.uint8).numpy().tobytes())
    weights = open_weights(folder)
    assert weights.vocabulary == rows
    few = weights.input_embeddings(torch.tensor([5, rows - 1]))
    assert few.sum(dim=-1).tolist() == [0.0, 32.0]


def test_what_is_returned_can_be_changed_without_harm(tmp_path: Path) -> None:
    model = small_model("llama")
    before = model.get_input_embeddings().weight.clone()
    for weights in (weights_of(model), open_weights(_saved(tmp_path / "model", model))):
        weights.input_embeddings().zero_()
        weights.down_projection(0).zero_()
        assert torch.equal(weights.input_embeddings(), before)
        assert bool(weights.down_projection(0).any())


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("model.embed_tokens.weight", lambda weights: weights),
        ("model.layers.1.self_attn.k_proj.weight", lambda weights: weights.query_key(1)),
        ("model.layers.1.input_layernorm.weight", lambda weights: weights.query_key(1)),
        ("model.layers.0.mlp.down_proj.weight", lambda weights: weights.down_projection(0)),
        ("lm_head.weight", lambda weights: weights.output_embeddings()),
    ],
)
def test_a_missing_tensor_is_named(
    tmp_path: Path, name: str, read: Callable[[ModelWeights], object]
) -> None:
    folder = _saved(tmp_path / "model", small_model("llama"))
    _rewrite(folder, lambda old: {each: old[each] for each in old if each != name})
    with pytest.raises(ProblemError) as error:
        read(open_weights(folder))
    assert error.value.problem.kind == "model"
    assert name in error.value.problem.what


def test_a_tensor_of_another_shape_is_named_with_both_shapes(tmp_path: Path) -> None:
    folder = _saved(tmp_path / "model", small_model("qwen3"))
    _reconfigure(folder, head_dim=8)
    with pytest.raises(ProblemError, match=r"q_proj.*\[64, 32\], not \[32, 32\]"):
        open_weights(folder).query_key(0)


def test_an_unknown_family_is_told_what_is_missing_and_which_are_known(tmp_path: Path) -> None:
    config = BloomConfig(vocab_size=64, hidden_size=16, n_layer=1, n_head=2)
    model = BloomForCausalLM(config)
    folder = _saved(tmp_path / "model", model)
    for opened in (lambda: open_weights(folder), lambda: weights_of(model)):
        with pytest.raises(
            ProblemError, match=r"no adapter for its family, 'bloom'.*llama"
        ) as error:
            opened()
        assert error.value.problem.kind == "model"


def test_a_family_that_transformers_does_not_know_is_named_too(tmp_path: Path) -> None:
    folder = _saved(tmp_path / "model", small_model("llama"))
    _reconfigure(folder, model_type="quux")
    with pytest.raises(ProblemError, match="'quux'"):
        open_weights(folder)


def test_pickled_weights_are_refused_unopened(tmp_path: Path) -> None:
    folder = pickled(tmp_path / "pickled", _saved(tmp_path / "model", small_model("llama")))
    with pytest.raises(ProblemError, match=r"pickled \(pytorch_model.bin\).*tensor by tensor"):
        open_weights(folder)


def test_weights_beside_an_adapter_are_refused(tmp_path: Path) -> None:
    folder = _saved(tmp_path / "model", small_model("llama"))
    add_adapter(folder)
    with pytest.raises(ProblemError, match="holds an adapter"):
        open_weights(folder)


def test_quantised_weights_are_refused(tmp_path: Path) -> None:
    folder = _saved(tmp_path / "model", small_model("llama"))
    _rewrite(folder, lambda old: old | {"model.embed_tokens.weight": torch.ones(97, 32).char()})
    with pytest.raises(ProblemError, match=r"embed_tokens.* stored as I8"):
        open_weights(folder).input_embeddings()
    _reconfigure(folder, quantization_config={"quant_method": "fp8"})
    with pytest.raises(ProblemError, match="are quantised"):
        open_weights(folder)
