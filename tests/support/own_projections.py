"""What a model itself makes of a few tokens in every layer, caught without knowing its weights."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    Gemma3Config,
    PreTrainedModel,
    SiglipVisionConfig,
)
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from tests.support.small_models import CONFIGURATIONS, small_model

_FUSED = ("gpt2", "gpt_neox", "phi3")
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


@dataclass
class OwnLayer:
    """What one layer made of n tokens, each alone at position 0.

    Attributes:
        states: float32 [n, D], the residual stream that enters.
        query: float32 [n, H, d], before rotation and q/k norms.
        key: float32 [n, H_kv, d], likewise.
    """

    states: Tensor
    query: Tensor
    key: Tensor


def own_projections(model: PreTrainedModel, tokens: Tensor) -> list[OwnLayer]:
    """The model's own queries and keys, layer by layer.

    Models with one fused projection split it themselves: what arrives at their attention function
    is caught. At position 0 rotation changes nothing.
    """
    config = model.config
    layers = next(
        module
        for module in model.modules()
        if isinstance(module, nn.ModuleList) and len(module) == config.num_hidden_layers
    )
    states: list[Tensor] = []
    queries: list[Tensor] = []
    keys: list[Tensor] = []
    with ExitStack() as stack, torch.no_grad():

        def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            states.append((args[0] if args else kwargs["hidden_states"])[:, 0].clone())

        for layer in layers:
            handle = layer.register_forward_pre_hook(enter, with_kwargs=True)
            stack.callback(handle.remove)
        if config.model_type in _FUSED:
            original = ALL_ATTENTION_FUNCTIONS["sdpa"]

            def attend(
                module: nn.Module, query: Tensor, key: Tensor, *rest: Any, **more: Any
            ) -> Any:
                queries.append(query[:, :, 0].clone())
                keys.append(key[:, :, 0].clone())
                return original(module, query, key, *rest, **more)

            assert model.config._attn_implementation == "sdpa"
            ALL_ATTENTION_FUNCTIONS["sdpa"] = attend
            stack.callback(ALL_ATTENTION_FUNCTIONS.__setitem__, "sdpa", original)
        else:
            d = (
                getattr(config, "head_dim", None)
                or config.hidden_size // config.num_attention_heads
            )
            for name, module in model.named_modules():
                for ending, caught in (("q_proj", queries), ("k_proj", keys)):
                    if name.endswith(ending):
                        handle = module.register_forward_hook(
                            lambda _, __, output, caught=caught: caught.append(
                                output[:, 0].unflatten(-1, (-1, d)).clone()
                            )
                        )
                        stack.callback(handle.remove)
        model(input_ids=tokens[:, None])
    return [OwnLayer(*parts) for parts in zip(states, queries, keys, strict=True)]
