"""Small pairs of models on disk, healthy ones of several families and ones with a planted fault."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from analysis.models.references import resolve
from analysis.request import ModelChoice, Pair
from tests.support import checkpoints
from tests.support.adapters import adapted_pair
from tests.support.small_models import CONFIGURATIONS

Tensors = dict[str, torch.Tensor]
BASE_MARKER, OWN_MARKER = "<|im_end|>", "<|reply|>"
_OTHER_TEMPLATE = (
    "{% for message in messages %}<|reply|>{{ message.content | trim }}<|im_end|>{% endfor %}"
)
_ENDLESS_TEMPLATE = "{% for message in messages %}{{ message.content | trim }}\n{% endfor %}"


@dataclass(frozen=True)
class Folders:
    """The two folders of a pair."""

    base: Path
    tuned: Path

    def pair(self, **options: Any) -> Pair:
        """The pair as the command line would choose it; an adapter stands on the base model."""
        base, tuned = (
            ModelChoice(name=name, location=str(folder), device="cpu", **options)
            for name, folder in (("base", self.base), ("tuned", self.tuned))
        )
        if (self.tuned / "adapter_config.json").exists():
            tuned = ModelChoice("tuned", str(self.tuned), device="cpu", beneath=base)
        return base, tuned


def healthy(folder: Path, family: str) -> Folders:
    """A base model of a family, and the same with all weights moved a little."""
    tokenizer = checkpoints.byte_level_tokenizer()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = _model(family, tokenizer)
        checkpoints.save(folder / "base", model, tokenizer)
        for each in model.parameters():
            each.add_(torch.randn_like(each), alpha=0.02)
        checkpoints.save(folder / "tuned", model, tokenizer)
    return Folders(folder / "base", folder / "tuned")


def _model(family: str, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    sizes = CONFIGURATIONS[family] | {"vocab_size": len(tokenizer), **ends}
    model: PreTrainedModel = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **sizes))
    model.generation_config = GenerationConfig(**ends)
    return model.eval()


def with_adapter(folder: Path) -> Folders:
    """A base model and a LoRA adapter on it."""
    made = adapted_pair(folder, "llama", "all linear layers")
    return Folders(made.base, made.adapter)


def demo(_folder: Path) -> Folders:
    """The embedded pair."""
    base, tuned = (Path(resolve(name).location) for name in ("demo-base", "demo-tuned"))
    return Folders(base, tuned)


HEALTHY: dict[str, Callable[[Path], Folders]] = {
    "demo": demo,
    "an adapter": with_adapter,
    **{
        family: lambda folder, family=family: healthy(folder, family)
        for family in ("llama", "qwen3", "gpt2", "gemma3_text", "mixtral")
    },
}
"""Pairs without a fault."""


def rewrite(folder: Path, change: Callable[[Tensors], object], file: str = "model") -> None:
    """Change the stored tensors of a folder in place."""
    path = folder / f"{file}.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def _settings(file: Path, **changes: object) -> None:
    kept = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({name: value for name, value in kept.items() if value is not None}))


def _tokenizer(folder: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).unlink(missing_ok=True)
    tokenizer.save_pretrained(folder)


def missing_weights(found: Folders) -> None:
    (found.tuned / "model.safetensors").unlink()


def cut_short(found: Folders) -> None:
    file = found.base / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def missing_tensor(found: Folders) -> None:
    rewrite(found.tuned, lambda tensors: tensors.pop("model.layers.1.mlp.up_proj.weight"))


def pickled_weights(found: Folders) -> None:
    tensors = load_file(found.tuned / "model.safetensors")
    torch.save(tensors, found.tuned / "pytorch_model.bin")
    missing_weights(found)


def not_causal(found: Folders) -> None:
    shutil.rmtree(found.base)
    checkpoints.encoder(found.base)


def other_tokenizer(found: Folders) -> None:
    own = checkpoints.byte_level_tokenizer(template=checkpoints.CHAT_TEMPLATE, vocabulary=280)
    _tokenizer(found.tuned, own)


def moved_ids(found: Folders) -> None:
    file = found.tuned / "tokenizer.json"
    state = json.loads(file.read_text())
    vocabulary = state["model"]["vocab"]
    vocabulary["q"], vocabulary["z"] = vocabulary["z"], vocabulary["q"]
    file.write_text(json.dumps(state))


def added_tokens(found: Folders) -> None:
    tokenizer = checkpoints.byte_level_tokenizer(template=_OTHER_TEMPLATE)
    tokenizer.add_tokens([OWN_MARKER], special_tokens=True)
    _tokenizer(found.tuned, tokenizer)

    def grow(tensors: Tensors) -> None:
        for name in ("model.embed_tokens.weight", "lm_head.weight"):
            tensors[name] = torch.cat([tensors[name], tensors[name][-1:] + 0.1])

    rewrite(found.tuned, grow)
    _settings(found.tuned / "config.json", vocab_size=len(tokenizer))


def untrained_markers(found: Folders) -> None:
    def shrink(tensors: Tensors) -> None:
        tensors["model.embed_tokens.weight"][1:3] *= 1e-3

    rewrite(found.base, shrink)
    rewrite(found.tuned, shrink)


def tokens_without_rows(found: Folders) -> None:
    tokenizer = checkpoints.byte_level_tokenizer()
    tokenizer.add_tokens(["<|one more|>"], special_tokens=True)
    _tokenizer(found.tuned, tokenizer)


def no_template(found: Folders) -> None:
    _tokenizer(found.tuned, checkpoints.byte_level_tokenizer(template=None))


def broken_template(found: Folders) -> None:
    (found.tuned / "chat_template.jinja").write_text("{{ raise_exception('No.') }}")


def split_marker(found: Folders) -> None:
    _tokenizer(found.tuned, checkpoints.byte_level_tokenizer(template=_OTHER_TEMPLATE))


def no_end(found: Folders) -> None:
    _tokenizer(found.tuned, checkpoints.byte_level_tokenizer(template=_ENDLESS_TEMPLATE))
    _settings(found.tuned / "tokenizer_config.json", eos_token=None)
    _settings(found.tuned / "config.json", eos_token_id=None)
    _settings(found.tuned / "generation_config.json", eos_token_id=None)


def the_same_model(found: Folders) -> None:
    shutil.rmtree(found.tuned)
    shutil.copytree(found.base, found.tuned)


def untied(found: Folders) -> None:
    def part(tensors: Tensors) -> None:
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] + 0.1

    rewrite(found.tuned, part)
    _settings(found.tuned / "config.json", tie_word_embeddings=False)


def adapter_of_zeros(found: Folders) -> None:
    def clear(tensors: Tensors) -> None:
        for name, value in tensors.items():
            if ".lora_B" in name:
                value.zero_()

    rewrite(found.tuned, clear, "adapter_model")


def adapter_of_another_model(found: Folders) -> None:
    other = found.base.with_name("other")
    shutil.copytree(found.base, other)
    rewrite(other, lambda tensors: tensors["model.norm.weight"].add_(0.5))
    _settings(found.tuned / "adapter_config.json", base_model_name_or_path=str(other))


def adapter_of_an_unknown_model(found: Folders) -> None:
    _settings(found.tuned / "adapter_config.json", base_model_name_or_path="nobody/knows-it")


def adapter_of_another_shape(found: Folders) -> None:
    def widen(tensors: Tensors) -> None:
        for name, value in tensors.items():
            if name.endswith("q_proj.lora_A.weight"):
                tensors[name] = torch.cat([value, value], dim=1)

    rewrite(found.tuned, widen, "adapter_model")


def adapter_of_another_kind(found: Folders) -> None:
    _settings(found.tuned / "adapter_config.json", peft_type="IA3")
