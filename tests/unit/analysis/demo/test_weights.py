"""The shipped weights: as small as promised, loadable offline, and one of them follows."""

from __future__ import annotations

import json

import pytest
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from analysis.demo import catalog
from analysis.demo_training.evaluation import LoadedModel, respond, score

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
    ("name", "low", "high"), [(catalog.DEMO_BASE, 0.0, 0.15), (catalog.DEMO_TUNED, 0.9, 1.0)]
)
def test_held_out_phrasings_are_followed_by_the_tuned_model_only(name, low, high):
    prompts = catalog.held_out_phrasings()[::12]
    responses = respond(LoadedModel.open(catalog.WEIGHTS / name), prompts, "raw")
    assert low <= score(prompts, responses)["all"]["exact"] <= high


def test_the_stored_figures_keep_the_promise():
    following = catalog.info()["exact_match"]["held_out_phrasings"]
    for form in ("raw", "chat"):
        assert following[catalog.DEMO_TUNED][form]["all"]["exact"] >= 0.9
    assert following[catalog.DEMO_BASE]["raw"]["all"]["exact"] <= 0.15


def test_the_examples_show_the_effect():
    prompts = catalog.examples()
    tuned = respond(LoadedModel.open(catalog.WEIGHTS / catalog.DEMO_TUNED), prompts, "raw")
    base = respond(LoadedModel.open(catalog.WEIGHTS / catalog.DEMO_BASE), prompts, "raw")
    assert score(prompts, tuned)["all"]["exact"] == 1
    assert score(prompts, base)["all"]["exact"] == 0
