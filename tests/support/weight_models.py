"""Small models of the families that are read from folders as they really come."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    Gemma3Config,
    PreTrainedModel,
    SiglipVisionConfig,
)

from tests.support.small_models import CONFIGURATIONS, small_model

_SMALL, _EXPERTS = CONFIGURATIONS["llama"], CONFIGURATIONS["olmoe"]

MORE_CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "gemma": {**_SMALL, "head_dim": 16},
    "ministral": {**_SMALL, "head_dim": 16},
    "smollm3": {**_SMALL, "attention_bias": True},
    "granite": {**_SMALL, "embedding_multiplier": 3.0},
    "seed_oss": {**_SMALL, "head_dim": 16, "attention_bias": True},
    "olmo3": _SMALL,
    "qwen3_moe": {
        **_EXPERTS,
        "head_dim": 16,
        "moe_intermediate_size": 24,
        "mlp_only_layers": [0],
    },
}
"""Families that have an adapter and are not among `small_models.CONFIGURATIONS`."""

FAMILIES = (*CONFIGURATIONS, *MORE_CONFIGURATIONS)


def any_small_model(family: str, **changes: Any) -> PreTrainedModel:
    """A small random model of any family with an adapter, norms and biases drawn too."""
    if family in CONFIGURATIONS and not changes:
        return small_model(family)
    settings = {**CONFIGURATIONS, **MORE_CONFIGURATIONS}[family]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(family, **{**settings, **changes})
        )
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.data.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


def multimodal_gemma(*, inner: bool | None = None, **outer: Any) -> PreTrainedModel:
    """A small Gemma that sees, tied or not as its text model's and its own settings say."""
    tied = {} if inner is None else {"tie_word_embeddings": inner}
    text = AutoConfig.for_model("gemma3_text", **CONFIGURATIONS["gemma3_text"], **tied)
    sizes = {"hidden_size": 8, "intermediate_size": 8, "image_size": 8, "patch_size": 4}
    vision = SiglipVisionConfig(num_hidden_layers=1, num_attention_heads=1, **sizes)
    outer |= {"mm_tokens_per_image": 4, "image_token_index": 90}
    config = Gemma3Config(text_config=text, vision_config=vision, **outer)
    model: PreTrainedModel = AutoModelForImageTextToText.from_config(config).eval()
    return model
