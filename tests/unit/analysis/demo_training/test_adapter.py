"""An adapter's folder is what was trained, as peft stores it, wherever the demo lies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaForCausalLM

from analysis.demo import catalog
from analysis.demo_training import adapter
from analysis.demo_training.evaluation import LoadedModel
from analysis.demo_training.tokenizer import ASSISTANT, END_OF_TURN, USER, token_id
from analysis.demo_training.training import draw_chat_tokens
from analysis.engine.pool import ModelPool
from analysis.models.references import resolve
from analysis.problems import ProblemError
from tests.support.demo_adapters import checkpoints, tune, with_adapters
from tests.support.studies import answered

IDS = torch.tensor([[0, 141, 59, 26, 5, 35, 89]])


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def trained(weights: Path) -> LlamaForCausalLM:
    return with_adapters(weights)


def test_the_engine_runs_what_was_trained(trained, weights, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(catalog, "WEIGHTS", weights)
    monkeypatch.chdir(tmp_path)
    pool = ModelPool()
    with torch.no_grad():
        base = answered(pool.get(resolve("demo-base"))).model(IDS).logits
        loaded = answered(pool.get(resolve("demo-lora")))
        found, expected = loaded.model(IDS).logits, trained(IDS).logits
    moved = float((expected - base).abs().max())
    assert moved > 0.1
    # The factors are stored in float16.
    torch.testing.assert_close(found, expected, rtol=0, atol=0.01 * moved)
    assert loaded.facts.has_chat_template
    assert len(pool.facts()) == 1


@pytest.mark.usefixtures("trained")
def test_a_folder_has_what_loads_it_and_no_more(weights: Path) -> None:
    for folder in (weights / "demo-lora", *checkpoints(weights).values()):
        assert {each.name for each in folder.iterdir()} == {
            *("adapter_config.json", "adapter_model.safetensors", "chat_template.jinja"),
            *("tokenizer.json", "tokenizer_config.json"),
        }
        named = json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"]
        assert (folder / named).resolve() == (weights / "demo-base").resolve()
        factors = load_file(folder / "adapter_model.safetensors")
        assert {each.dtype for each in factors.values()} == {torch.float16}
        assert len(factors) == 2 * 7 * 8
        for name in ("chat_template.jinja", "tokenizer.json"):
            assert (folder / name).read_bytes() == (weights / "demo-tuned" / name).read_bytes()


@pytest.mark.usefixtures("trained")
def test_a_checkpoint_is_where_a_shorter_way_had_led(weights: Path) -> None:
    early, late = (
        load_file(each / "adapter_model.safetensors") for each in (*checkpoints(weights).values(),)
    )
    last = load_file(weights / "demo-lora" / "adapter_model.safetensors")
    size = [
        sum(float(each[name].float().norm()) for name in each if "lora_B" in name)
        for each in (early, late, last)
    ]
    assert 0 < size[0] < size[1] < size[2]


@pytest.mark.usefixtures("trained")
def test_the_same_seed_gives_the_same_files(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "demo-base").symlink_to(weights / "demo-base")
    tune(tmp_path / "demo-base", tmp_path / "demo-lora", {})
    for file in (tmp_path / "demo-lora").iterdir():
        assert file.read_bytes() == (weights / "demo-lora" / file.name).read_bytes(), file.name


def test_the_tokens_of_the_chat_template_have_rows_apart_and_of_ordinary_length() -> None:
    loaded = LoadedModel.open(catalog.WEIGHTS / catalog.DEMO_BASE)
    tokenizer = loaded.tokenizer.backend_tokenizer
    added = [token_id(tokenizer, each) for each in (USER, ASSISTANT, END_OF_TURN)]
    rows = loaded.model.model.embed_tokens.weight.detach()
    rows[added] = 1.0
    before = rows.clone()
    draw_chat_tokens(loaded.model, tokenizer, seed=1)
    assert (rows != before).any(dim=1).nonzero().flatten().tolist() == added
    unit = torch.nn.functional.normalize(rows[added], dim=1)
    assert float((unit @ unit.T - torch.eye(3)).max()) < 0.8
    shortest, longest = before.norm(dim=1).quantile(torch.tensor([0.05, 0.99]))
    assert all(shortest < float(row.norm()) < longest for row in rows[added])


def test_without_peft_nothing_is_trained(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(adapter, "find_spec", lambda name: None)
    with pytest.raises(ProblemError, match=r"insttui\[adapters\]"):
        adapter.tune_adapter(
            catalog.WEIGHTS / "demo-base",
            tmp_path / "demo-lora",
            lambda model, after_step: pytest.fail("it was trained"),
            rank=4,
            alpha=8,
            seed=0,
            save_at={},
        )
    assert not (tmp_path / "demo-lora").exists()
