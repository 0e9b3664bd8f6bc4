"""Models stay in memory while they fit, and make room for one another when they do not."""

from __future__ import annotations

import shutil
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from analysis.engine import pool as pool_module
from analysis.engine.loading import LoadedModel
from analysis.engine.pool import ModelPool
from analysis.models.checkpoint import inspect
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from tests.support import checkpoints
from tests.support.studies import answered
from tests.unit.analysis.engine.loaded import rewrite


def choice(location: Path | str, name: str = "m") -> ModelChoice:
    return ModelChoice(name=name, location=str(location), device="cpu")


def get(pool: ModelPool, location: Path | str, name: str = "m") -> LoadedModel:
    loaded: LoadedModel = answered(pool.get(choice(location, name)))
    return loaded


@pytest.fixture
def three(llama: Path, tmp_path: Path) -> list[Path]:
    """Three models of one size."""
    return [Path(shutil.copytree(llama, tmp_path / name)) for name in "abc"]


def names(pool: ModelPool) -> list[str]:
    return [facts.name for facts in pool.facts()]


def test_a_model_is_loaded_once_and_known_under_every_name(llama: Path) -> None:
    pool = ModelPool()
    first, second = get(pool, llama, "one"), get(pool, llama, "two")
    assert first.model is second.model
    assert (first.facts.name, second.facts.name, second.choice.name) == ("one", "two", "two")
    assert len(pool.facts()) == 1


def test_loading_is_announced_and_holding_is_not(llama: Path) -> None:
    pool = ModelPool()
    steps = list(pool.get(choice(llama, "small")))
    assert [(step.stage, step.detail) for step in steps] == [("load", "small")] * 2
    assert [(step.done, step.total) for step in steps] == [(0, 1), (1, 1)]
    assert list(pool.get(choice(llama))) == []


def test_a_model_that_changed_on_disk_is_loaded_again(three: list[Path]) -> None:
    pool = ModelPool()
    before = get(pool, three[0]).model.model.norm.weight
    rewrite(three[0], lambda old: old | {"model.norm.weight": old["model.norm.weight"] + 1})
    assert torch.equal(get(pool, three[0]).model.model.norm.weight, before + 1)
    assert len(pool.facts()) == 1


def test_the_least_recently_used_model_makes_room(
    three: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = ModelPool()
    size = inspect(three[0]).bytes_in_memory("float32")
    # A device on which two of these models fit.
    monkeypatch.setattr(pool_module, "free_bytes", lambda _: int(size * (2.5 - len(pool.facts()))))
    a, b, c = three
    get(pool, a, "a")
    get(pool, b, "b")
    get(pool, a, "a")
    get(pool, c, "c")
    assert names(pool) == ["a", "c"]


def test_a_model_that_cannot_fit_is_refused_with_both_figures(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "free_bytes", lambda _: 1000)
    with pytest.raises(ProblemError, match=r"take 0\.\d MB, .*; 0\.0 MB are free") as caught:
        get(ModelPool(), llama)
    assert caught.value.problem.kind == "memory"


def test_memory_that_runs_out_while_loading_is_tried_once_more_alone(
    three: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = ModelPool()
    get(pool, three[0], "a")
    real = pool_module.load_model

    def crowded(*args: Any, **options: Any) -> LoadedModel:
        if pool.facts():
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(*args, **options)

    monkeypatch.setattr(pool_module, "load_model", crowded)
    get(pool, three[1], "b")
    assert names(pool) == ["b"]


def test_memory_that_runs_out_with_nothing_left_to_free_is_a_problem(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any, **__: Any) -> LoadedModel:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(pool_module, "load_model", exhausted)
    with pytest.raises(ProblemError) as caught:
        get(ModelPool(), llama)
    assert caught.value.problem.kind == "memory"


def test_an_evicted_model_is_freed(three: list[Path]) -> None:
    pool = ModelPool()
    alive = weakref.ref(get(pool, three[0]).model)
    get(pool, three[1])
    assert pool.evict_others(choice(three[1]))
    assert alive() is None
    assert not pool.evict_others(choice(three[1]))


def test_the_tokenizer_comes_without_the_weights(llama: Path) -> None:
    pool = ModelPool()
    tokenizer = answered(pool.tokenizer(choice(llama)))
    assert len(tokenizer) > 256
    assert pool.facts() == ()
    assert answered(pool.tokenizer(choice(llama))) is tokenizer


def test_a_hub_id_loads_from_the_cache_without_a_network(hub: Path, llama: Path) -> None:
    checkpoints.hub_cache(hub, "org/model", llama)
    assert get(ModelPool(), "org/model").facts.layers == 2


def test_a_half_downloaded_hub_model_says_what_is_missing_and_why_it_stays_so(
    hub: Path, llama: Path
) -> None:
    snapshot = checkpoints.hub_cache(hub, "org/model", llama)
    (snapshot / "model.safetensors").resolve().unlink()
    with pytest.raises(ProblemError, match=r"(?s)lacks the weights.*HF_HUB_OFFLINE") as caught:
        get(ModelPool(), "org/model")
    assert caught.value.problem.kind == "network"


def test_an_adapter_in_the_hubs_cache_is_not_taken_for_half_a_model(hub: Path, llama: Path) -> None:
    snapshot = checkpoints.hub_cache(hub, "org/adapter", llama)
    (snapshot / "model.safetensors").unlink()
    checkpoints.add_adapter(snapshot)
    with pytest.raises(ProblemError, match="beneath the adapter") as caught:
        get(ModelPool(), "org/adapter")
    assert "org/base is not on this machine" in caught.value.problem.why


def test_a_folder_that_is_gone_is_a_problem_of_the_model(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="no model folder") as caught:
        get(ModelPool(), tmp_path / "gone")
    assert caught.value.problem.kind == "model"
