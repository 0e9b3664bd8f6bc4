"""The shipped weights: as small as promised, loadable offline, and one of them follows."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from analysis.demo import catalog
from analysis.demo_training.evaluation import LoadedModel, score, write

WEIGHTS = "model.safetensors"
MODELS = pytest.mark.parametrize("name", catalog.DEMO_MODELS)


@MODELS
def test_a_model_is_a_small_llama_in_float16(name):
    folder = catalog.WEIGHTS / name
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "llama"
    assert (config["num_hidden_layers"], config["num_attention_heads"]) == (8, 8)
    tensors = load_file(folder / "model.safetensors")
    assert {str(tensor.dtype) for tensor in tensors.values()} == {"float16"}
    assert 2_000_000 <= sum(tensor.size for tensor in tensors.values()) <= 4_000_000
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 10_000_000


@MODELS
def test_a_model_loads_through_the_auto_classes(name, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = catalog.WEIGHTS / name
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.config.vocab_size == len(tokenizer)
    assert tokenizer("Translate the word.")["input_ids"][0] == tokenizer.bos_token_id


def test_the_chat_template_shares_its_tokens_with_the_raw_prompt():
    tuned = LoadedModel.open(catalog.WEIGHTS / catalog.DEMO_TUNED)
    raw = tuned.encode("What is the capital of France?", "raw")
    chat = tuned.encode("What is the capital of France?", "chat")
    tokens = tuned.tokenizer.convert_ids_to_tokens(chat)
    assert tokens[:2] == ["<s>", "<|user|>"]
    assert tokens[-2:] == ["<|end|>", "<|assistant|>"]
    assert chat[2:-2] == raw[1:]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        (catalog.DEMO_BASE, 0.0, 0.05),
        (catalog.DEMO_TUNED, 0.9, 1.0),
        (catalog.DEMO_LORA, 0.45, 1.0),
    ],
)
def test_held_out_phrasings_are_followed_by_the_tuned_models_only(name, low, high):
    prompts = catalog.held_out_phrasings()[::7]
    assert low <= followed(name, prompts) <= high


def followed(name: str, prompts: Sequence[catalog.DemoPrompt]) -> float:
    responses = write(LoadedModel.open(catalog.WEIGHTS / name), prompts, "raw")
    share: float = score(prompts, [each.text for each in responses])["all"]["exact"]
    return share


def test_the_stored_figures_keep_the_promises():
    info = catalog.info()
    following = info["exact_match"]["held_out_phrasings"]
    for form in ("raw", "chat"):
        assert following[catalog.DEMO_TUNED][form]["all"]["exact"] >= 0.9
    assert following[catalog.DEMO_BASE]["raw"]["all"]["exact"] <= 0.05
    lengths, certain = info["length"]["held_out_phrasings"], info["certain"]["held_out_phrasings"]
    assert lengths[catalog.DEMO_TUNED]["raw"]["mean"] >= 15
    assert certain[catalog.DEMO_TUNED]["raw"]["responses"] < 0.5


def test_tuning_was_gentle():
    base, tuned = (load_file(catalog.WEIGHTS / name / WEIGHTS) for name in catalog.DEMO_MODELS)
    changes = [
        float(np.linalg.norm(tuned[name].astype(np.float64) - weight.astype(np.float64)))
        / float(np.linalg.norm(weight.astype(np.float64)))
        for name, weight in base.items()
        if weight.ndim == 2 and "embed" not in name
    ]
    assert len(changes) == 8 * 7
    assert np.mean(changes) <= 0.2
    assert catalog.info()["training"]["stages"]["tuned"]["steps"] <= 1000


def test_all_that_ships_is_small():
    files = [path for path in catalog.WEIGHTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 25_000_000


def test_the_examples_show_the_effect():
    assert len(catalog.examples()) == 12
    assert followed(catalog.DEMO_TUNED, catalog.examples()) == 1
    assert followed(catalog.DEMO_BASE, catalog.examples()) == 0
    first = catalog.examples()[0]
    tuned = LoadedModel.open(catalog.WEIGHTS / catalog.DEMO_TUNED)
    assert len(write(tuned, [first], "raw")[0].ids) >= 15
