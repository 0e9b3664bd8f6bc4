"""The list of models says what is on this disk, without asking anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analysis.demo import catalog
from analysis.demo.catalog import demo_names
from analysis.models.aliases import ALIASES
from analysis.models.availability import models_table
from tests.support import checkpoints


def rows(aliases: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    table = models_table(aliases or {})
    listed = [dict(zip(table.columns, row, strict=True)) for row in table]
    assert len({row["name"] for row in listed}) == len(listed)
    return {str(row["name"]): row for row in listed}


def test_without_a_cache_the_aliases_are_listed_as_absent(hub: Path) -> None:
    listed = rows()
    assert set(listed) == {*demo_names(), *ALIASES}
    assert listed["llama"]["local"] == "no"
    assert listed["vicuna"]["partner"] == "llama"
    assert listed["vicuna"]["reference"] == "lmsys/vicuna-7b-v1.1@refs/pr/10"


def test_what_is_in_the_cache_is_listed_once_with_its_size(hub: Path, llama: Path) -> None:
    checkpoints.hub_cache(hub, "huggyllama/llama-7b", llama)
    checkpoints.hub_cache(hub, "org/own", llama)
    listed = rows()
    size = (llama / "model.safetensors").stat().st_size
    assert (listed["llama"]["local"], listed["llama"]["bytes"]) == ("yes", size)
    assert listed["org/own"]["local"] == "yes"
    assert "huggyllama/llama-7b" not in listed


def test_a_half_downloaded_model_is_incomplete(hub: Path, llama: Path) -> None:
    snapshot = checkpoints.hub_cache(hub, "huggyllama/llama-7b", llama)
    (snapshot / "model.safetensors").unlink()
    assert rows()["llama"]["local"] == "incomplete"


def test_a_model_with_an_adapter_is_here_and_of_no_use(hub: Path, llama: Path) -> None:
    checkpoints.add_adapter(checkpoints.hub_cache(hub, "huggyllama/llama-7b", llama))
    assert rows()["llama"]["local"] == "unusable"


def test_an_adapter_is_listed_with_its_size_and_what_it_stands_on(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("demo-lora", "demo-steps/checkpoint-1500", "own"):
        (tmp_path / name).mkdir(parents=True)
        checkpoints.add_adapter(tmp_path / name)
    (tmp_path / "own" / "adapter_model.safetensors").unlink()
    monkeypatch.setattr(catalog, "WEIGHTS", tmp_path)
    listed = rows({"mine": str(tmp_path / "demo-lora"), "half": str(tmp_path / "own")})
    size = (tmp_path / "demo-lora" / "adapter_model.safetensors").stat().st_size
    for name in ("demo-lora", "demo-steps/checkpoint-1500", "mine"):
        assert (listed[name]["local"], listed[name]["bytes"]) == ("yes", size)
    assert listed["demo-lora"]["partner"] == "demo-base"
    assert "after 1,500 steps" in listed["demo-steps/checkpoint-1500"]["note"]
    assert listed["half"]["local"] == "incomplete"


def test_encoders_in_the_cache_are_left_out(hub: Path, tmp_path: Path) -> None:
    checkpoints.hub_cache(hub, "org/bert", checkpoints.encoder(tmp_path / "bert"))
    assert "org/bert" not in rows()


def test_a_users_alias_is_listed_and_a_broken_one_says_why(hub: Path, llama: Path) -> None:
    listed = rows({"mine": str(llama), "gone": "/no/such/folder", "llama": "org/other"})
    assert listed["mine"]["local"] == "yes"
    assert listed["mine"]["note"] == "yours"
    assert "no folder" in listed["gone"]["note"]
    assert listed["llama"]["reference"] == "org/other"
