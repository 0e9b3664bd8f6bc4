"""A plan puts every module somewhere, nothing beyond a device's memory, and layers in order."""

from __future__ import annotations

import builtins
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from analysis.engine import planning
from analysis.engine import pool as pool_module
from analysis.engine.planning import plan_spread
from analysis.engine.pool import ModelPool
from analysis.engine.spreading import Spread, from_disk, outline, over_devices
from analysis.models import scratch
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from tests.support import checkpoints
from tests.support.small_models import CONFIGURATIONS, small_model
from tests.support.studies import answered
from tests.unit.analysis.engine.loaded import reconfigure

LAYERS = 12
DEVICES = ("cuda:0", "cuda:1", "cpu", "disk")
# Free memory of two cards and the CPU, as shares of the model's size.
MACHINES = {
    "two cards that hold it": (0.9, 0.9, 1.0),
    "a large and a small card": (1.2, 0.4, 1.0),
    "two cards and main memory": (0.5, 0.5, 2.0),
    "all of it and the disk": (0.4, 0.4, 0.3),
    "a card too many": (3.0, 3.0, 1.0),
}


def outlined(family: str, *, tied: bool = False, layers: int = LAYERS) -> PreTrainedModel:
    number = "n_layer" if family == "gpt2" else "num_hidden_layers"
    settings = CONFIGURATIONS[family] | {number: layers, "tie_word_embeddings": tied}
    config = AutoConfig.for_model(family, **settings)
    return outline(config, torch.bfloat16, trust_remote_code=False)


def size_of(model: PreTrainedModel) -> int:
    return sum(2 * each.numel() for each in model.parameters())


@pytest.fixture(
    params=[("llama", False), ("qwen3", True), ("gpt2", True), ("mixtral", False)], ids=str
)
def model(request) -> PreTrainedModel:
    family, tied = request.param
    return outlined(family, tied=tied)


@pytest.mark.parametrize("shares", MACHINES.values(), ids=MACHINES)
def test_every_module_has_one_place_in_order_and_within_memory(
    model: PreTrainedModel, shares: tuple[float, ...]
) -> None:
    size = size_of(model)
    free = {device: int(share * size) for device, share in zip(DEVICES, shares, strict=False)}
    spread = over_devices(model, free, "it")
    counted = dict.fromkeys(DEVICES, 0)
    for name, parameter in model.named_parameters():
        places = [
            device
            for module, device in spread.device_map.items()
            if not module or name == module or name.startswith(f"{module}.")
        ]
        (place,) = places
        counted[f"cuda:{place}" if isinstance(place, int) else place] += 2 * parameter.numel()
    assert {device: each for device, each in counted.items() if each} == spread.sizes
    assert sum(spread.sizes.values()) == size
    for device, room in free.items():
        assert spread.sizes.get(device, 0) <= room
    # Layers follow one another from device to device, and none is missing.
    order = [spread.layers[device] for device in DEVICES if device in spread.layers]
    assert sum(order, ()) == tuple(range(LAYERS))
    # What is away comes to the first card, and finds room there.
    assert spread.sizes["cuda:0"] + spread.largest <= free["cuda:0"]
    assert (spread.largest == 0) == (not {"cpu", "disk"} & set(spread.sizes))


def test_two_cards_share_a_model_about_evenly(model: PreTrainedModel) -> None:
    size = size_of(model)
    sizes = over_devices(model, {"cuda:0": size, "cuda:1": size, "cpu": size}, "it").sizes
    assert set(sizes) == {"cuda:0", "cuda:1"}
    assert min(sizes.values()) > size / 4


def test_a_plan_says_which_layers_are_where_and_how_large_they_are() -> None:
    spread = Spread(
        {}, {"cuda:0": 3_200_000_000, "cpu": 900_000, "disk": 7_000_000},
        {"cuda:0": (0, 1, 2, 3, 7), "cpu": (4,)}, 5,
    )  # fmt: skip
    assert spread.device == "cuda:0, some weights in main memory and on disk"
    assert spread.note == (
        "The model is spread: layers 0-3 and 7 on cuda:0 (3.2 GB), 4 in main memory (0.9 MB), "
        "no whole layer on disk (7.0 MB). What is not on a card comes to one for every pass."
    )
    cards = Spread({}, {"cuda:0": 10**9, "cuda:1": 10**9}, {"cuda:0": (0,), "cuda:1": (1, 2)}, 0)
    assert cards.device == "cuda:0, cuda:1"
    assert cards.note == (
        "The model is spread: layers 0 on cuda:0 (1.0 GB), 1-2 on cuda:1 (1.0 GB)."
    )


def test_what_fits_nowhere_is_refused_with_each_devices_memory(model: PreTrainedModel) -> None:
    free = {"cuda:0": 900, "cuda:1": 1_900, "cpu": 10**9}
    with pytest.raises(ProblemError, match=r"0\.0 MB of cuda:0, 0\.0 MB of cuda:1, 1\.0 GB of cpu"):
        over_devices(model, free, "it")
    with pytest.raises(ProblemError, match=r"free are 0\.0 MB of cpu") as caught:
        from_disk(model, 500, "it")
    assert caught.value.problem.kind == "memory"


def test_from_disk_there_must_be_room_for_the_largest_module(model: PreTrainedModel) -> None:
    largest = max(
        sum(2 * math.prod(each.shape) for each in part.parameters(recurse=False))
        for part in model.modules()
    )
    spread = from_disk(model, largest, "it")
    assert (spread.device_map, spread.largest) == ({"": "disk"}, largest)
    with pytest.raises(ProblemError):
        from_disk(model, largest - 1, "it")


def test_a_model_larger_than_a_card_is_spread_over_all_and_on_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two cards that are invented: what is loaded is asked for, and not done."""
    config = outlined("llama").config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    llama = checkpoints.save(tmp_path / "llama", model, checkpoints.byte_level_tokenizer())
    plans: list[Any] = []

    class LoadedError(Exception):
        """Instead of loading."""

    def load(*_: Any, **options: Any) -> None:
        plans.append(options["spread"])
        raise LoadedError

    free = {"cuda": size_of(model) * 2 // 5, "cpu": 10**9}
    monkeypatch.setattr(pool_module, "free_bytes", lambda device: free[device.type])
    monkeypatch.setattr(pool_module, "load_model", load)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for device in ("auto", "cuda"):
        with pytest.raises(LoadedError):
            answered(ModelPool().get(choice(llama, device)))
    assert [list(plan.sizes) for plan in plans] == [["cuda:0", "cuda:1", "cpu"]] * 2
    with pytest.raises(ProblemError, match="does not fit into the memory of cuda:1"):
        answered(ModelPool().get(choice(llama, "cuda:1")))
    free["cuda"] = 10**9
    with pytest.raises(LoadedError):
        answered(ModelPool().get(choice(llama, "cuda")))
    assert plans[-1] is None


def choice(folder: Path, device: str) -> ModelChoice:
    return ModelChoice(name="it", location=str(folder), device=device)


def refused(folder: Path) -> str:
    with pytest.raises(ProblemError) as caught:
        plan_spread(choice(folder, "disk"), folder, {"cpu": 10**9})
    return str(caught.value)


def test_what_is_lacking_for_it_is_said(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan_spread(choice(copy, "disk"), copy, {"cpu": 10**9}).largest
    with monkeypatch.context() as patch:
        patch.setattr(planning, "mappable_bytes", lambda: 1_000)
        assert "save_pretrained(max_shard_size='4GB')" in refused(copy)
    with monkeypatch.context() as patch:
        real = builtins.__import__
        missing = lambda name, *rest: real("not_there" if name == "accelerate" else name, *rest)  # noqa: E731
        patch.setattr(builtins, "__import__", missing)
        assert "pip install accelerate" in refused(copy)
    reconfigure(copy, quantization_config={"quant_method": "gptq", "bits": 4})
    assert "Quantised weights are not divided among devices" in refused(copy)


def test_a_disk_without_room_for_fused_experts_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = checkpoints.byte_level_tokenizer()
    for family, said in (("mixtral", True), ("llama", False)):
        folder = checkpoints.save(tmp_path / family, small_model(family), tokenizer)
        monkeypatch.setattr(scratch, "free_on_disk", lambda: 1_000)
        if said:
            assert "are written anew; 0.0 MB are free" in refused(folder)
        else:
            plan_spread(choice(folder, "disk"), folder, {"cpu": 10**9})
