"""Weights read from folders as they really come: old names, ties, half floats, holes, giants."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import MambaConfig, MambaForCausalLM, PreTrainedModel

from analysis.engine.weights import open_weights, weights_of
from analysis.engine.weights.adapter import ModelWeights
from analysis.problems import ProblemError
from tests.support.checkpoints import add_adapter, byte_level_tokenizer, hub_cache, pickled, save
from tests.support.small_models import small_model
from tests.support.weight_models import any_small_model, multimodal_gemma
from tests.unit.analysis.engine.loaded import reconfigure, rewrite


def _saved(folder: Path, model: PreTrainedModel) -> Path:
    return save(folder, model, byte_level_tokenizer())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small Llama to change."""
    return _saved(tmp_path / "model", small_model("llama"))


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
    rewrite(folder, lambda old: {name.removeprefix("transformer."): old[name] for name in old})
    assert "h.0.attn.c_attn.weight" in load_file(folder / "model.safetensors")
    assert _same(open_weights(folder), weights_of(model))


def test_tied_embeddings_need_no_output_head_and_a_tied_gemma_reads_out_unscaled(
    tmp_path: Path,
) -> None:
    model = any_small_model("llama", tie_word_embeddings=True)
    folder = _saved(tmp_path / "model", model)
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    weights = open_weights(folder)
    assert torch.equal(weights.output_embeddings(), model.get_output_embeddings().weight)
    assert torch.equal(weights.output_embeddings(), weights.input_embeddings())
    gemma = open_weights(_saved(tmp_path / "gemma", small_model("gemma2")))
    assert torch.allclose(gemma.input_embeddings(), gemma.output_embeddings() * 32**0.5)


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
    there = open_weights(folder)
    expected = [there.expert_down_projection(1, expert) for expert in range(4)]
    fused = {
        f"model.layers.{i}.mlp.experts.down_proj": layer.mlp.experts.down_proj.detach()
        for i, layer in enumerate(model.model.layers)
    }
    rewrite(folder, lambda old: {n: old[n] for n in old if ".experts." not in n} | fused)
    weights = open_weights(folder)
    for expert in range(4):
        assert torch.equal(weights.expert_down_projection(1, expert), expected[expert])


@pytest.mark.parametrize("body", ["language_model.model.", "model.language_model."])
def test_the_text_model_inside_a_multimodal_gemma_is_found(tmp_path: Path, body: str) -> None:
    model = multimodal_gemma()
    folder = _saved(tmp_path / "model", model)
    usual = "language_model.model."
    rewrite(folder, lambda old: {name.replace(usual, body): old[name] for name in old})
    assert f"{body}embed_tokens.weight" in load_file(folder / "model.safetensors")
    weights = open_weights(folder)
    assert weights.family == "gemma3_text"
    assert _same(weights, weights_of(model))


def test_a_file_larger_than_the_memory_is_read_in_part(folder: Path) -> None:
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
    folder: Path, name: str, read: Callable[[ModelWeights], object]
) -> None:
    rewrite(folder, lambda old: {each: old[each] for each in old if each != name})
    with pytest.raises(ProblemError) as error:
        read(open_weights(folder))
    assert error.value.problem.kind == "model"
    assert name in error.value.problem.what


def test_a_tensor_of_another_shape_is_named_with_both_shapes(tmp_path: Path) -> None:
    folder = _saved(tmp_path / "model", small_model("qwen3"))
    reconfigure(folder, head_dim=8)
    with pytest.raises(ProblemError, match=r"q_proj.*\[64, 32\], not \[32, 32\]"):
        open_weights(folder).query_key(0)


def test_a_family_that_cannot_be_read_is_refused_with_its_reason(tmp_path: Path) -> None:
    config = MambaConfig(vocab_size=64, hidden_size=16, num_hidden_layers=1)
    model = MambaForCausalLM(config)
    folder = _saved(tmp_path / "model", model)
    for opened in (lambda: open_weights(folder), lambda: weights_of(model)):
        with pytest.raises(ProblemError, match=r"'mamba'.* neither heads nor") as error:
            opened()
        assert error.value.problem.kind == "model"


def test_a_family_that_transformers_does_not_know_is_named_too(folder: Path) -> None:
    reconfigure(folder, model_type="quux")
    with pytest.raises(ProblemError, match="'quux'"):
        open_weights(folder)


def test_pickled_weights_are_refused_unopened(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r"pickled \(pytorch_model.bin\).*tensor by tensor"):
        open_weights(pickled(tmp_path / "pickled", folder))


def test_weights_beside_an_adapter_are_refused(folder: Path) -> None:
    add_adapter(folder)
    with pytest.raises(ProblemError, match="holds an adapter"):
        open_weights(folder)


def test_weights_that_are_quantised_unsaid_or_only_said_to_be_are_refused(folder: Path) -> None:
    rewrite(folder, lambda old: old | {"model.embed_tokens.weight": torch.ones(97, 32).char()})
    with pytest.raises(ProblemError, match=r"embed_tokens.* stored as I8"):
        open_weights(folder).input_embeddings()
    reconfigure(folder, quantization_config={"quant_method": "fp8"})
    with pytest.raises(ProblemError, match=r"No weight of .* is quantised, though .* says FP8"):
        open_weights(folder)
