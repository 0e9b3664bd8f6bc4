"""Every analysis finds the same of a model whose weights stay on disk as of one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import infer_auto_device_map
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.models.llama.modeling_llama import LlamaMLP

from analysis.chat.request import ChatRequest
from analysis.clustering.request import ClustersRequest
from analysis.concepts.request import ConceptsRequest
from analysis.engine.loading import load_model
from analysis.engine.non_finite import explain_non_finite
from analysis.engine.pool import ModelPool
from analysis.engine.spreading import outline, placed
from analysis.engine.weights import open_weights, weights_of
from analysis.engine.whereabouts import away_bytes, numbers
from analysis.models import scratch
from analysis.neurons.request import (
    AblationRequest,
    AnsweredInstruction,
    FrequenciesRequest,
    NeuronDirectionRequest,
)
from analysis.problems import ProblemError
from analysis.request import ModelChoice, Request, named
from analysis.saliency.compute.importance import importance
from analysis.saliency.request import AttributionRequest
from analysis.words.choice import Words
from tests.support import checkpoints
from tests.support.adapters import BASES, adapted_pair
from tests.support.scripted_clusters import TASKS
from tests.support.studies import TOLD, answered, assert_alike

PROMPT = "how many words are here"
TOKENS = Words("tokens")
CPU = torch.device("cpu")
FAMILIES = ("llama", "qwen3", "gpt2", "mixtral")
# Neither a tape nor a graph of all layers fits, nor the logits of all tokens: weights come often.
LITTLE = 20_000


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where weights in another form are kept."""
    monkeypatch.setattr(scratch, "ROOT", tmp_path / "weights")
    return tmp_path / "weights"


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory) -> Path:
    return made(tmp_path_factory.mktemp("models") / request.param)


def made(folder: Path) -> Path:
    """A model with random weights of the family that the folder is called after."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(BASES[folder.name]).eval()
        for parameter in model.parameters():
            parameter.data.add_(torch.randn_like(parameter), alpha=0.15)
    return checkpoints.save(folder, model, checkpoints.byte_level_tokenizer())


def chosen(folder: Path, device: str) -> ModelChoice:
    return ModelChoice(name="model", location=str(folder), device=device)


def requests(model: ModelChoice, expert: int) -> Iterator[Request[Any]]:
    for budget in (None, LITTLE):
        for method in ("forward", "reverse", "occlusion" if budget else "occlusion_zeroed"):
            yield AttributionRequest(
                model, PROMPT, max_new_tokens=4, method=method, memory_budget=budget
            )
        yield AttributionRequest(
            model, PROMPT, max_new_tokens=4, totals_only=True, memory_budget=budget
        )
    yield FrequenciesRequest(model, "counting", (PROMPT, "another text"))
    answers = (AnsweredInstruction("counting", PROMPT, "four"),)
    yield AblationRequest(model, "counting", ((0, 5), (1,)), answers, (((2,), (3, 4)),))
    yield ClustersRequest(model, TASKS)
    yield ChatRequest(model, (("user", PROMPT),), max_tokens=4)
    yield NeuronDirectionRequest(model, 1, 5, TOKENS, expert=expert)
    yield ConceptsRequest(model, model, 1, TOKENS, expert=expert)


def test_from_disk_every_analysis_finds_what_it_finds_in_memory(folder: Path, root: Path) -> None:
    pool, other = ModelPool(), ModelPool()
    expert = 2 if folder.name == "mixtral" else -1
    pairs = zip(
        requests(chosen(folder, "disk"), expert),
        requests(chosen(folder, "cpu"), expert),
        strict=True,
    )
    for mine, theirs in pairs:
        found = answered(named(mine.function)(mine, pool))
        expected = answered(named(theirs.function)(theirs, other))
        where, apart = f"{mine}", (*TOLD, "device")
        assert_alike(found, expected, where, within=1e-5, apart=apart)
        if isinstance(mine, AttributionRequest) and not mine.totals_only:
            assert found.method == mine.method, found.note
            assert found.device == "cpu, weights on disk"
            assert "stay on disk" in found.note
        # Nothing stayed in memory from one analysis to the next.
        loaded = answered(pool.get(mine.models()[0]))
        assert all(each.is_meta for each in loaded.model.parameters())
    (whole,) = other.facts()
    assert (loaded.facts.parameters, loaded.facts.dtype) == (whole.parameters, whole.dtype)
    del loaded
    assert any(root.glob("*/*.safetensors")) == (folder.name == "mixtral")
    pool.evict_others(chosen(folder, "cpu"))
    assert not any(root.iterdir())


def test_a_part_in_memory_and_a_part_on_disk_is_the_whole(folder: Path) -> None:
    choice = chosen(folder, "cpu")
    whole = load_model(choice, folder, CPU)
    model = outline(whole.model.config, torch.float32, trust_remote_code=False)
    room = {"cpu": int(0.9 * whole.model.get_memory_footprint())}
    layers = list(model._no_split_modules)
    device_map = infer_auto_device_map(model, max_memory=room, no_split_module_classes=layers)
    half = placed(model, dict(device_map))
    spread = load_model(choice, folder, CPU, spread=half)
    assert half.sizes["cpu"] > 0 < away_bytes(spread.model)
    assert spread.facts.parameters == whole.facts.parameters
    for method in ("forward", "reverse"):
        found, expected = (
            importance(each.model, range(3, 20), range(20, 25), method=method)
            for each in (spread, whole)
        )
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_weights_that_are_away_are_read_where_they_are(folder: Path) -> None:
    loaded = answered(ModelPool().get(chosen(folder, "disk")))
    whole = load_model(chosen(folder, "cpu"), folder, CPU).model
    for name, parameter in whole.named_parameters():
        assert torch.equal(numbers(loaded.model, name), parameter)
    found, expected = weights_of(loaded.model), open_weights(folder)
    assert torch.equal(found.input_embeddings(), expected.input_embeddings())


def test_a_weight_on_disk_that_is_no_number_is_named(tmp_path: Path) -> None:
    folder = made(tmp_path / "llama")
    loaded = answered(ModelPool().get(chosen(folder, "disk")))
    stored = load_file(folder / "model.safetensors")
    stored["model.layers.1.mlp.up_proj.weight"][3, 4] = torch.nan
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    said = str(explain_non_finite(loaded.model, [3, 4, 5], "it"))
    assert "model.layers.1.mlp.up_proj.weight there are 1 that are no numbers" in said


def test_a_layer_that_reads_weights_of_another_without_running_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(tmp_path / "llama")
    honest = LlamaMLP.forward

    def reading(self: LlamaMLP, states: torch.Tensor) -> torch.Tensor:
        # What the device meta has is added without a word, as nothing.
        return honest(self, states).index_add_(
            2, torch.arange(states.shape[2]), self.up_proj.weight[: states.shape[2]].sum() * states
        )

    monkeypatch.setattr(LlamaMLP, "forward", reading)
    assert answered(ModelPool().get(chosen(folder, "cpu")))
    with pytest.raises(ProblemError, match="reads weights of another that are not there"):
        answered(ModelPool().get(chosen(folder, "disk")))


def test_an_adapter_on_weights_that_are_away_is_refused(tmp_path: Path) -> None:
    pair = adapted_pair(tmp_path, "llama", "attention")
    with pytest.raises(ProblemError, match=r"are not in memory.*merge the adapter"):
        answered(ModelPool().get(chosen(pair.adapter, "disk")))
