"""Small pairs of a model and a LoRA adapter on it, as peft writes them, and the merged model."""

from __future__ import annotations

import warnings
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    MixtralConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen3Config,
    Qwen3MoeConfig,
)

from tests.support import checkpoints

VOCABULARY = 384
_SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
_EXPERTS: dict[str, Any] = {"num_experts_per_tok": 2}
BASES: dict[str, PreTrainedConfig] = {
    "llama": LlamaConfig(**_SIZES),
    "qwen3": Qwen3Config(**_SIZES, head_dim=8, tie_word_embeddings=True),
    "gpt2": GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4),
    "mixtral": MixtralConfig(**_SIZES, num_local_experts=4, **_EXPERTS),
    "qwen3_moe": Qwen3MoeConfig(
        **_SIZES, head_dim=8, num_experts=4, moe_intermediate_size=24, **_EXPERTS
    ),
}
_PROJECTIONS = ["q_proj", "k_proj", "down_proj"]
_CONV1D = {"target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True}
_FUSED = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
VARIANTS: dict[str, dict[str, Any]] = {
    "all linear layers": {"target_modules": "all-linear"},
    "rank-stabilised": {"target_modules": _PROJECTIONS, "use_rslora": True},
    "DoRA": {"target_modules": [*_PROJECTIONS, "embed_tokens"], "use_dora": True},
    "patterns": {
        "target_modules": _PROJECTIONS,
        "rank_pattern": {"q_proj": 5},
        "alpha_pattern": {"layers.1.mlp.down_proj": 32},
    },
    "both ends saved": {
        "target_modules": ["q_proj"],
        "modules_to_save": ["lm_head", "embed_tokens"],
    },
    "head saved": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
    "embeddings saved": {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
    "both ends": {"target_modules": ["q_proj", "embed_tokens", "lm_head"]},
    "biases": {"target_modules": _PROJECTIONS, "bias": "all"},
    "Conv1D": _CONV1D,
    "Conv1D, DoRA and biases": {**_CONV1D, "use_dora": True, "bias": "all"},
    "attention": {"target_modules": ["q_proj", "k_proj"]},
    "experts": {"target_modules": ["q_proj"], "target_parameters": _FUSED},
    "experts, one matrix": {"target_modules": ["q_proj"], "target_parameters": _FUSED[1:]},
}
KINDS = (
    *((base, variant) for base in ("llama", "qwen3") for variant in list(VARIANTS)[:9]),
    *(("gpt2", variant) for variant in ("Conv1D", "Conv1D, DoRA and biases")),
    *(
        (base, variant)
        for base in ("mixtral", "qwen3_moe")
        for variant in ("attention", "experts", "experts, one matrix")
    ),
)
"""Base models and the variants that apply to them."""


@dataclass(frozen=True)
class AdaptedPair:
    """Three folders, and what peft itself makes of the adapter.

    `input_embeddings` and `output_embeddings`: float32 [V, D], with the adapter on. `merged` is the
    merged model in memory; a folder of it would tie ends that the adapter has parted.
    """

    base: Path
    adapter: Path
    folder: Path
    merged: PreTrainedModel
    input_embeddings: Tensor
    output_embeddings: Tensor


def adapted_pair(
    folder: Path, base: str, variant: str, *, seed: int = 0, **sizes: int
) -> AdaptedPair:
    """Make a pair whose every weight differs from its usual start, adapters' factors too.

    `sizes` are other attributes of the base model's configuration.
    """
    from peft import LoraConfig, get_peft_model

    tokenizer = checkpoints.byte_level_tokenizer()
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        config = deepcopy(BASES[base])
        for name, size in sizes.items():
            setattr(config, name, size)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config).eval()
        _move(model.parameters())
        checkpoints.save(folder / "base", model, tokenizer)
        tuned: Any = get_peft_model(
            model, LoraConfig(task_type="CAUSAL_LM", r=3, lora_alpha=7, **VARIANTS[variant])
        )
        _move([each for each in tuned.parameters() if each.requires_grad])
        tuned.peft_config["default"].base_model_name_or_path = str(folder / "base")
        tuned.save_pretrained(folder / "adapter")
        read = tuned.get_input_embeddings()(torch.arange(VOCABULARY)).clone()
        written = tuned.get_output_embeddings()(torch.eye(read.shape[1])).T.clone()
        merged: PreTrainedModel = tuned.merge_and_unload()
        checkpoints.save(folder / "merged", merged, tokenizer)
    return AdaptedPair(
        folder / "base", folder / "adapter", folder / "merged", merged, read, written
    )


def _move(parameters: Any) -> None:
    for each in parameters:
        each.add_(torch.randn_like(each), alpha=0.2)
