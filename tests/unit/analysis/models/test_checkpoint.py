"""A folder is looked at before it is loaded: what is missing or cut short has a name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from analysis.models.checkpoint import inspect
from analysis.problems import ProblemError
from tests.support.checkpoints import add_adapter, hub_cache, pickled


@pytest.fixture
def copy(sharded: Path, tmp_path: Path) -> Path:
    """A sharded model to damage."""
    return Path(shutil.copytree(sharded, tmp_path / "copy"))


def refuses(folder: Path, *said: str) -> str:
    """What is said of a folder that is no model, these words and a remedy among it."""
    with pytest.raises(ProblemError) as caught:
        inspect(folder)
    assert caught.value.problem.kind == "model"
    assert caught.value.problem.remedy
    assert [words for words in said if words not in str(caught.value)] == []
    return str(caught.value)


def test_the_size_in_memory_is_that_of_the_loaded_tensors(llama: Path, sharded: Path) -> None:
    for folder in (llama, sharded):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        numbers = sum(parameter.numel() for parameter in model.parameters())
        found = inspect(folder)
        assert found.bytes_in_memory("float32") == found.bytes_in_memory("auto") == 4 * numbers
        assert found.bytes_in_memory("bfloat16") == 2 * numbers


def test_the_precisions_are_those_of_the_stored_tensors_which_pickles_do_not_tell(
    llama: Path, tmp_path: Path
) -> None:
    model = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    folder = Path(shutil.copytree(llama, tmp_path / "mixed"))
    model.model.embed_tokens.to(torch.bfloat16)
    model.save_pretrained(folder)
    assert inspect(llama).precisions() == ("float32",)
    assert inspect(folder).precisions() == ("bfloat16", "float32")
    found = inspect(pickled(tmp_path / "pickled", llama))
    assert (found.pickled, found.precisions()) == (True, ())


def test_a_snapshot_of_links_is_a_model_folder(hub: Path, sharded: Path) -> None:
    found = inspect(hub_cache(hub, "org/model", sharded))
    assert len(found.weights) == len(inspect(sharded).weights) > 1
    assert not found.pickled


@pytest.mark.parametrize(
    ("missing", "lacks"),
    [
        ("config.json", "config.json"),
        ("tokenizer.json", "the tokenizer"),
        ("model.safetensors.index.json", "the weights"),
    ],
)
def test_a_missing_file_is_named(copy: Path, missing: str, lacks: str) -> None:
    (copy / missing).unlink()
    refuses(copy, f"lacks {lacks}")


def test_missing_shards_are_counted_and_named(copy: Path) -> None:
    shards = sorted(copy.glob("model-*.safetensors"))
    shards[1].unlink()
    refuses(copy, f"1 of {len(shards)} weight files", shards[1].name)


def test_an_interrupted_download_is_said(hub: Path, llama: Path) -> None:
    snapshot = hub_cache(hub, "org/model", llama)
    blob = (snapshot / "model.safetensors").resolve()
    blob.rename(blob.with_name(f"{blob.name}.incomplete"))
    refuses(snapshot, "download was interrupted")


def test_a_file_cut_short_is_told_from_a_whole_one(copy: Path) -> None:
    shard = min(copy.glob("model-*.safetensors"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-10])
    refuses(copy, "cut short", f"{len(whole) - 10:,} of {len(whole):,} bytes")


@pytest.mark.parametrize("content", [b"short", b"\xff" * 64, b"<!DOCTYPE html>" * 9])
def test_something_else_under_the_name_of_weights_is_refused(copy: Path, content: bytes) -> None:
    next(iter(copy.glob("model-*.safetensors"))).write_bytes(content)
    refuses(copy, "not a safetensors file")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("model.Q4_K_M.gguf", "GGUF"),
        ("tf_model.h5", "TensorFlow"),
        ("flax_model.msgpack", "Flax"),
        ("consolidated.00.pth", "own program"),
        ("consolidated.safetensors", "own program"),
    ],
)
def test_weights_for_another_program_are_not_half_a_download(
    copy: Path, name: str, kind: str
) -> None:
    (copy / name).write_bytes(b"weights")
    assert not inspect(copy).pickled
    for file in copy.glob("model*.safetensors*"):
        file.unlink()
    assert "download" not in refuses(copy, f"{name} is", kind)


@pytest.mark.parametrize("name", ["model-00001-of-00007.safetensors", "tokenizer.json"])
def test_a_clone_without_its_large_files_is_called_so(copy: Path, name: str) -> None:
    (copy / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    refuses(copy, f"{name} is a Git LFS pointer", "git lfs pull")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        *(("config.json", content, "config.json") for content in ("{", "[]", '"text"')),
        # It leads out of its folder.
        ("model.safetensors.index.json", '{"weight_map": {"x": "../../secret"}}', "cannot be read"),
    ],
)
def test_an_unreadable_configuration_or_index_is_refused(
    copy: Path, name: str, content: str, said: str
) -> None:
    (copy / name).write_text(content)
    refuses(copy, said)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"peft_type": "LORA"}, " (LoRA)"),
        ({"peft_type": "IA3"}, " (IA3)"),
        ({"fine_tune_type": "dora"}, " (DoRA)"),
        ({"peft_type": 3}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_an_adapter_is_not_a_model_and_its_kind_is_named(
    tmp_path: Path, settings: object, kind: str
) -> None:
    """Described in its configuration, or there without one."""
    name = "adapter_model.bin" if settings is None else "adapter_config.json"
    (tmp_path / name).write_text(json.dumps(settings))
    refuses(tmp_path, f"holds an adapter{kind}, not a model.")


@pytest.mark.parametrize("weights", ["adapter_model.safetensors", "adapters.safetensors"])
def test_a_configuration_beside_an_adapter_makes_no_model_of_it(copy: Path, weights: str) -> None:
    add_adapter(copy, weights)
    for file in copy.glob("model*"):
        file.unlink()
    said = "holds an adapter (LoRA), not a model. It belongs to org/base."
    assert "download" not in refuses(copy, said)


def test_a_whole_model_is_not_explained_without_the_adapter_beside_it(
    copy: Path, hub: Path
) -> None:
    add_adapter(copy, "adapter_model.safetensors")
    without = "without adapter_config.json and adapter_model.safetensors"
    for folder in (copy, hub_cache(hub, "org/model", copy)):
        refuses(folder, "holds an adapter (LoRA) beside a whole model.", without)


def test_an_adapter_further_down_is_nobodys_and_a_missing_folder_is_said(copy: Path) -> None:
    (copy / "speech").mkdir()
    add_adapter(copy / "speech", "adapter_model.safetensors")
    assert inspect(copy).folder == copy
    refuses(copy / "gone", "no model folder")
