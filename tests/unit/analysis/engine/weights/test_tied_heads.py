"""Which tensor is the output head: weights read from disk agree with the loaded model, always."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from analysis.engine.loading import load_model
from analysis.engine.weights import open_weights
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from tests.support.checkpoints import byte_level_tokenizer, save
from tests.support.weight_models import any_small_model, multimodal_gemma

# Tied by default or not, prefixed or not, with a head of another name or with a bias.
FAMILIES = ("llama", "gemma2", "gpt2", "gpt_neox", "gptj", "smollm3", "mixtral")
EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "embed_in.weight")
HEADS = {"gpt_neox": "embed_out.weight"}


class Case(NamedTuple):
    """What a folder says and holds.

    Attributes:
        tied: `tie_word_embeddings` of the configuration; None where it is silent.
        head: The output head that is stored: none, the input embeddings again, or another.
        embedding: The input embeddings are stored.
    """

    tied: bool | None
    head: str
    embedding: bool


CASES = [
    Case(tied, head, embedding)
    for tied in (True, False, None)
    for head in ("none", "same", "other")
    for embedding in (True, False)
    if embedding or head != "none"
]


@pytest.fixture(scope="module")
def stored(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    family = str(request.param)
    folder = tmp_path_factory.mktemp("tied") / family
    return family, save(folder, any_small_model(family), byte_level_tokenizer())


def rewritten(source: Path, folder: Path, case: Case, head: str, *, shards: bool) -> Path:
    """A copy of a folder that is as the case has it."""
    folder.mkdir()
    for file in source.glob("tok*.json"):
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((source / "config.json").read_text())
    config.pop("tie_word_embeddings", None)
    if case.tied is not None:
        config["tie_word_embeddings"] = case.tied
    (folder / "config.json").write_text(json.dumps(config))
    tensors = load_file(source / "model.safetensors")
    tensors.pop(head, None)
    embedding = next(name for name in tensors if name.endswith(EMBEDDINGS))
    if case.head != "none":
        other = torch.randn(tensors[embedding].shape, generator=torch.Generator().manual_seed(7))
        tensors[head] = tensors[embedding].clone() if case.head == "same" else other
    if not case.embedding:
        del tensors[embedding]
    write(folder, tensors, shards=shards)
    return folder


def write(folder: Path, tensors: dict[str, Tensor], *, shards: bool) -> None:
    """One file, or as many as tensors, so that embeddings and head lie in different ones."""
    if not shards:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    files: dict[str, Any] = {}
    for number, name in enumerate(tensors):
        files[name] = f"model-{number:05}.safetensors"
        save_file({name: tensors[name]}, folder / files[name], metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": files}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def loaded_ends(folder: Path) -> tuple[Tensor, Tensor] | None:
    """Input and output embeddings of the loaded model; None where it is refused."""
    choice = ModelChoice(name="m", location=str(folder))
    try:
        model = load_model(choice, folder, torch.device("cpu")).model
    except ProblemError:
        return None
    embed: Any = model.get_input_embeddings()
    head: Any = model.get_output_embeddings()
    return embed(torch.arange(97)), head.weight


def read_ends(folder: Path) -> tuple[Tensor, Tensor] | None:
    """The same of the weights read from disk."""
    try:
        weights = open_weights(folder)
        return weights.input_embeddings(), weights.output_embeddings()
    except ProblemError:
        return None


def agree(folder: Path) -> bool:
    one, other = loaded_ends(folder), read_ends(folder)
    if one is None or other is None:
        return one is other
    return torch.allclose(one[0], other[0]) and torch.equal(one[1], other[1])


@pytest.mark.parametrize("stored", FAMILIES, indirect=True)
def test_disk_and_model_agree_on_the_head(stored: tuple[str, Path], tmp_path: Path) -> None:
    family, source = stored
    head = HEADS.get(family, "lm_head.weight")
    differ = [
        case
        for number, case in enumerate(CASES)
        if not agree(rewritten(source, tmp_path / str(number), case, head, shards=number % 3 == 0))
    ]
    assert not differ


@pytest.mark.parametrize("stored", ["llama"], indirect=True)
def test_a_head_of_its_own_is_used_whatever_the_configuration_says(
    stored: tuple[str, Path], tmp_path: Path
) -> None:
    source = stored[1]
    heads = []
    for number, tied in enumerate((True, False)):
        case = Case(tied=tied, head="other", embedding=True)
        folder = rewritten(source, tmp_path / str(number), case, "lm_head.weight", shards=False)
        heads.append(open_weights(folder).output_embeddings())
    assert torch.equal(*heads)
    assert not torch.equal(heads[0], open_weights(folder).input_embeddings())


@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize("inner", [True, False])
@pytest.mark.parametrize("head", ["none", "other"])
def test_a_multimodal_model_is_tied_by_its_own_flag(
    tmp_path: Path, outer: bool, inner: bool, head: str
) -> None:
    model = multimodal_gemma(inner=inner, tie_word_embeddings=outer)
    folder = save(tmp_path / "model", model, byte_level_tokenizer())
    tensors = load_file(folder / "model.safetensors")
    name = next((name for name in tensors if name.endswith("lm_head.weight")), "lm_head.weight")
    tensors.pop(name, None)
    if head == "other":
        tensors[name] = torch.randn(97, 32)
    write(folder, tensors, shards=False)
    assert agree(folder)
