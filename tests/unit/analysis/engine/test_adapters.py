"""A model with a LoRA adapter is the model that peft makes of them, and is in memory once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from analysis.engine.pool import ModelPool
from analysis.engine.weights import ModelWeights, open_weights, weights_of
from analysis.models.adapters import open_adapter
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from tests.support.adapters import KINDS, AdaptedPair, adapted_pair
from tests.support.checkpoints import byte_level_tokenizer
from tests.support.studies import answered

IDS = torch.tensor([[3, 141, 59, 26, 5, 35, 89]])


@pytest.fixture(scope="module", params=KINDS, ids=", ".join)
def pair(request, tmp_path_factory) -> AdaptedPair:
    return adapted_pair(tmp_path_factory.mktemp("pair"), *request.param)


@pytest.fixture(scope="module")
def llama(tmp_path_factory) -> AdaptedPair:
    return adapted_pair(tmp_path_factory.mktemp("pair"), "llama", "biases")


def chosen(folder: Path, beneath: Path | None = None) -> ModelChoice:
    under = {} if beneath is None else {"beneath": chosen(beneath)}
    return ModelChoice(name=folder.name, location=str(folder), device="cpu", **under)


def logits(pool: ModelPool, folder: Path, beneath: Path | None = None) -> Tensor:
    loaded = answered(pool.get(chosen(folder, beneath)))
    with torch.no_grad():
        return loaded.model(IDS).logits


def assert_close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5 * float(expected.abs().max()))


def test_on_it_is_the_merged_model_and_off_the_base_model_to_the_bit(pair: AdaptedPair) -> None:
    pool = ModelPool()
    base, tuned = logits(pool, pair.base), logits(pool, pair.adapter)
    alone = logits(ModelPool(), pair.base)
    assert torch.equal(base, alone)
    assert torch.equal(logits(pool, pair.base), alone)
    assert torch.equal(logits(pool, pair.adapter, pair.base), tuned)
    assert len(pool.facts()) == 1
    # Into ends that are tied peft merges a change of one; in use the adapter leaves the other.
    if torch.allclose(pair.merged.get_output_embeddings().weight, pair.output_embeddings):
        with torch.no_grad():
            assert_close(tuned, pair.merged(IDS).logits)


def test_weights_read_from_disk_are_those_of_the_merged_model(pair: AdaptedPair) -> None:
    found = open_weights(pair.base, open_adapter(pair.adapter, name="it"))
    expected = weights_of(pair.merged)
    for layer in range(found.layers):
        for side in ("w_q", "w_k"):
            assert_close(
                getattr(found.query_key(layer), side), getattr(expected.query_key(layer), side)
            )
        for mine, theirs in zip(patterns(found, layer), patterns(expected, layer), strict=True):
            assert_close(mine, theirs)
    assert_close(found.input_embeddings(), pair.input_embeddings)
    assert_close(found.output_embeddings(), pair.output_embeddings)
    some = torch.tensor([7, 3])
    assert_close(found.input_embeddings(some), pair.input_embeddings[some])


def patterns(weights: ModelWeights, layer: int) -> list[Tensor]:
    experts = weights.experts_in(layer)
    if not experts:
        return [weights.down_projection(layer)]
    return [weights.expert_down_projection(layer, each) for each in range(experts)]


def test_adapters_on_one_model_switch_without_loading(tmp_path: Path, llama: AdaptedPair) -> None:
    other = adapted_pair(tmp_path, "llama", "rank-stabilised", seed=1)
    pool = ModelPool()
    first = logits(pool, llama.adapter)
    second = logits(pool, other.adapter, llama.base)
    assert float((first - second).abs().max()) > 0.1
    assert list(pool.get(chosen(llama.adapter))) == []
    assert torch.equal(logits(pool, llama.adapter), first)
    assert torch.equal(logits(pool, other.adapter, llama.base), second)
    # A base model that is an adapter itself: both stand on the model beneath it.
    assert torch.equal(logits(pool, other.adapter, llama.adapter), second)
    assert len(pool.facts()) == 1
    assert not pool.evict_others(chosen(other.adapter, llama.base))


def test_facts_count_the_adapter_under_its_name(llama: AdaptedPair) -> None:
    pool = ModelPool()
    base = answered(pool.get(chosen(llama.base))).facts
    tuned = answered(pool.get(chosen(llama.adapter))).facts
    assert (base.name, tuned.name) == ("base", "adapter")
    factors = 3 * 2 * (32 + 32) + 3 * 2 * (32 + 16) + 3 * 2 * (48 + 32)
    assert tuned.parameters >= base.parameters + factors
    assert tuned.notes == base.notes


def test_an_adapter_that_changes_nothing_is_called_so(tmp_path: Path, llama: AdaptedPair) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(llama.adapter, tmp_path / "adapter"))
    stored = load_file(folder / "adapter_model.safetensors")
    save_file(
        {k: torch.zeros_like(v) if "lora_B" in k else v for k, v in stored.items()},
        folder / "adapter_model.safetensors",
    )
    pool = ModelPool()
    assert "changes nothing" in answered(pool.get(chosen(folder))).facts.notes[-1]
    assert torch.equal(logits(pool, folder), logits(pool, llama.base))


def test_an_adapter_brings_its_own_tokenizer(tmp_path: Path, llama: AdaptedPair) -> None:
    folder = Path(shutil.copytree(llama.adapter, tmp_path / "adapter"))
    byte_level_tokenizer(template="{{ messages[0].content }}").save_pretrained(folder)
    pool = ModelPool()
    tuned = answered(pool.get(chosen(folder)))
    assert tuned.tokenizer.chat_template == "{{ messages[0].content }}"
    assert answered(pool.get(chosen(llama.base))).tokenizer.chat_template != (
        tuned.tokenizer.chat_template
    )


def test_an_adapter_of_another_model_is_refused_and_spoils_nothing(
    tmp_path: Path, llama: AdaptedPair
) -> None:
    other = adapted_pair(tmp_path, "qwen3_moe", "experts")
    pool = ModelPool()
    before = logits(pool, llama.base)
    for attempt in (
        lambda: logits(pool, other.adapter, llama.base),
        lambda: open_weights(llama.base, open_adapter(other.adapter, name="it")),
    ):
        with pytest.raises(ProblemError, match="does not fit the model beneath"):
            attempt()
    assert torch.equal(logits(pool, llama.base), before)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"peft_type": "IA3"}, "(IA3)"),
        ({"use_qalora": True}, "more than LoRA (use_qalora)"),
        ({"layer_replication": [[0, 1]]}, "layer_replication"),
        ({"of_a_later_peft": 1}, "of_a_later_peft"),
        ({"target_parameters": ["x"], "peft_version": "0.18.1"}, "as peft 0.18.1 stored them"),
        ({"init_lora_weights": "pissa_niter_4"}, "(pissa_niter_4)"),
        ({"base_model_name_or_path": None}, "Name the model with --base"),
        ({"base_model_name_or_path": "/trained/elsewhere"}, "which is not on this machine"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_what_would_be_applied_in_part_is_refused_by_name(
    tmp_path: Path, llama: AdaptedPair, changed: dict[str, object], said: str
) -> None:
    folder = Path(shutil.copytree(llama.adapter, tmp_path / "adapter"))
    settings = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(settings | changed))
    pool = ModelPool()
    for attempt in (pool.get, pool.weights, pool.tokenizer):
        with pytest.raises(ProblemError) as caught:
            answered(attempt(chosen(folder)))
        assert said in str(caught.value)


def test_an_adapter_on_a_4_bit_model_is_read_and_run_with_the_restored_weights(tmp_path) -> None:
    pytest.importorskip("bitsandbytes")
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    # Wide enough for the blocks that bitsandbytes restores rightly on a CPU.
    wide = {"hidden_size": 64, "intermediate_size": 128, "head_dim": 16}
    pair = adapted_pair(tmp_path, "llama", "all linear layers", **wide)
    packed = AutoModelForCausalLM.from_pretrained(
        pair.base,
        quantization_config=BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4"),
        device_map={"": "cpu"},
        dtype=torch.float32,
    )
    packed.save_pretrained(tmp_path / "packed")
    byte_level_tokenizer().save_pretrained(tmp_path / "packed")
    pool = ModelPool()
    tuned = logits(pool, pair.adapter, tmp_path / "packed")
    weights = open_weights(tmp_path / "packed", open_adapter(pair.adapter, name="it"))
    assert "bitsandbytes nf4" in weights.notes[0]
    plain = AutoModelForCausalLM.from_pretrained(pair.base)
    restored = {
        name: weights._tensors.read(name) for name in plain.state_dict() if name in weights._tensors
    }
    plain.load_state_dict(restored)
    with torch.no_grad():
        assert_close(tuned, plain(IDS).logits)
    assert float((tuned - logits(pool, tmp_path / "packed")).abs().max()) > 0.1
