"""Pairs of small models on disk that share a tokenizer: whole models, and an adapter on one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from analysis.request import ModelChoice, Pair
from tests.support import checkpoints
from tests.support.adapters import adapted_pair
from tests.support.small_models import CONFIGURATIONS

FAMILIES = ("llama", "qwen3", "gemma2", "gpt2", "gpt_neox", "olmo2", "mixtral")
"""Six families and a mixture of experts."""

ADAPTER = "an adapter"
"""A pair whose tuned model is a LoRA adapter on the base model."""

VOCABULARY = 384


def pair_of(folder: Path, kind: str) -> Pair:
    """The models of a family, of unlike weights, or those of `ADAPTER`, in a new folder."""
    if kind == ADAPTER:
        found = adapted_pair(folder, "llama", "all linear layers")
        return choice("base", found.base), choice("tuned", found.adapter)
    return tuple(  # type: ignore[return-value]
        _written(folder / name, kind, seed) for seed, name in enumerate(("base", "tuned"))
    )


def choice(name: str, folder: Path) -> ModelChoice:
    """A model on the CPU, under that name."""
    return ModelChoice(name=name, location=str(folder), device="cpu")


def reference(model: ModelChoice) -> PreTrainedModel:
    """The model in float64 as transformers, or peft, loads it: a reference for what we compute."""
    folder = Path(model.location)
    if (folder / "adapter_config.json").exists():
        from peft import AutoPeftModelForCausalLM

        adapted: Any = AutoPeftModelForCausalLM.from_pretrained(folder)
        return adapted.merge_and_unload().double().eval()  # type: ignore[no-any-return]
    found: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder)
    if hasattr(found.config, "num_experts_per_tok"):
        # The default kernel of the experts has no float64.
        found.set_experts_implementation("eager")
    return found.double().eval()


def _written(folder: Path, family: str, seed: int) -> ModelChoice:
    torch.manual_seed(seed)
    settings = {**CONFIGURATIONS[family], "vocab_size": VOCABULARY}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **settings))
    with torch.no_grad():
        for name, values in model.named_parameters():
            if "norm" in name or name.endswith("bias"):
                # As of a trained model: not all ones, nor zeros.
                values.add_(0.1 * torch.randn_like(values))
    model.save_pretrained(folder)
    checkpoints.byte_level_tokenizer(vocabulary=VOCABULARY).save_pretrained(folder)
    return choice(folder.name, folder)
