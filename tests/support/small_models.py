"""Small random causal language models, one of every family that the app promises to explain."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

VOCABULARY = 97
CONTEXT_WINDOW = 64

_SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT_WINDOW,
    "initializer_range": 0.2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_GPT: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "n_embd": 32,
    "n_inner": 48,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": CONTEXT_WINDOW,
    "initializer_range": 0.2,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_EXPERTS: dict[str, Any] = {**_SMALL, "num_experts_per_tok": 2}

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "llama": _SMALL,
    "mistral": {**_SMALL, "sliding_window": 8, "head_dim": 8},
    "qwen2": _SMALL,
    "qwen3": {**_SMALL, "head_dim": 16},
    "gemma2": {**_SMALL, "head_dim": 16, "sliding_window": 8, "query_pre_attn_scalar": 16},
    "gemma3_text": {**_SMALL, "head_dim": 16, "sliding_window": 8, "query_pre_attn_scalar": 16},
    "phi3": _SMALL,
    "gpt2": _GPT,
    "gptj": {**_GPT, "rotary_dim": 4},
    "gpt_neox": {name: _SMALL[name] for name in _SMALL if name != "num_key_value_heads"},
    "olmo2": _SMALL,
    "mixtral": {**_EXPERTS, "num_local_experts": 4},
    "qwen2_moe": {
        **_EXPERTS,
        "num_experts": 4,
        "moe_intermediate_size": 24,
        "shared_expert_intermediate_size": 24,
    },
    "olmoe": {**_EXPERTS, "num_experts": 4},
}
"""Configuration of each family, under its transformers ``model_type``."""

EXPERTS = ("mixtral", "qwen2_moe", "olmoe")
"""The families with a mixture of experts."""


def small_model(family: str, *, seed: int = 0, dtype: torch.dtype | None = None) -> PreTrainedModel:
    """A new model of a family with random weights, float32 unless told, in evaluation mode.

    Every weight is drawn, the norms' too: a rule that forgets a norm's weight then shows.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(family, **CONFIGURATIONS[family])
        )
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                offset = float(parameter.detach().mean().round())
                parameter.data.normal_(offset, 0.1)
            elif "lm_head" in name or "embed_out" in name:
                parameter.data.normal_(0.0, 0.3)
    model.eval()
    if dtype == torch.float64 and family in EXPERTS:
        # The default kernel of the experts has no float64.
        model.set_experts_implementation("eager")
    return model if dtype is None else model.to(dtype)
