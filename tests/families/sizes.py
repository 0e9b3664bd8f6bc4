"""Small sizes for any configuration class of transformers, under the names that they go by."""

from __future__ import annotations

import dataclasses
from typing import Any

from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

VOCABULARY = 72
CONTEXT_WINDOW = 64

# What a family calls it, by what it is to be. Sliding windows, chunks and the number of positions
# an indexer selects are below the length of the texts, so that they leave something out.
_SIZES: dict[int, str] = {
    VOCABULARY: "vocab_size vocab_size_per_layer_input decoder_vocab_size",
    CONTEXT_WINDOW: """
        max_position_embeddings n_positions n_ctx max_seq_len max_target_positions context_length
        model_max_length rel_extent position_bias_max_distance relative_max_distance
        max_source_positions""",
    48: """
        intermediate_size ffn_dim decoder_ffn_dim encoder_ffn_dim n_inner dff d_inner dim_ff
        ffn_hidden_size feed_forward_size intermediate_size_mlp dense_intermediate_size
        prefix_dense_intermediate_size""",
    32: """
        hidden_size d_model n_embd emb_dim embedding_size input_embedding_size
        output_embedding_size word_embed_proj_dim lru_width attention_hidden_size embedding_dim
        ple_embed_dim hidden_size_global""",
    24: """
        moe_intermediate_size shared_expert_intermediate_size shared_intermediate_size
        expert_ffn_hidden_size shared_experts_intermediate_size
        moe_shared_expert_intermediate_size""",
    16: """
        q_lora_rank kv_lora_rank o_lora_rank mamba_d_head mamba_head_dim mamba_headdim num_buckets
        router_hidden_size index_n_heads""",
    8: """
        head_dim v_head_dim qk_nope_head_dim swa_head_dim attention_head_size dim_head kv_channels
        d_head index_head_dim linear_key_head_dim linear_value_head_dim linear_head_dim
        mamba_d_state ssm_state_size state_size mamba_chunk_size chunk_size block_size
        num_experts n_routed_experts num_local_experts moe_num_experts hidden_size_per_layer_input
        laurel_rank sliding_window sliding_window_size window_size attention_window_size
        attention_chunk_size local_attention_window_len""",
    4: """
        num_attention_heads n_head n_heads num_heads attention_heads decoder_attention_heads
        encoder_attention_heads num_decoder_attention_heads num_encoder_attention_heads
        swa_num_attention_heads qk_rope_head_dim rotary_dim index_topk index_block_size
        keep_window_size mamba_n_heads mamba_num_heads n_mamba_heads
        linear_num_value_heads linear_num_heads mamba_dt_rank time_step_rank d_rel""",
    2: """
        num_hidden_layers n_layer num_layers n_layers decoder_layers encoder_layers num_blocks
        num_decoder_layers num_encoder_layers num_layers_per_stack num_key_value_heads num_kv_heads
        swa_num_key_value_heads linear_num_key_heads num_experts_per_tok moe_topk moe_k
        top_k_experts num_experts_per_token moe_top_k n_group num_expert_group mamba_n_groups
        n_groups mamba_ngroups index_topk_blocks o_groups hc_mult""",
    1: """
        topk_group n_shared_experts num_shared_experts moe_num_shared_experts
        first_k_dense_replace num_dense_layers bos_token_id""",
    0: "pad_token_id num_kv_shared_layers",
}
_NAMED: dict[str, float] = {name: size for size, names in _SIZES.items() for name in names.split()}
# Where the usual 1.0 would hide a factor that is left out.
_FACTORS = {
    "embedding_multiplier": 2.0,
    "residual_multiplier": 0.5,
    "attention_multiplier": 0.3,
    "logits_scaling": 2.0,
}

KINDS = ("layer_types", "mlp_layer_types", "layers_block_type", "block_types", "indexer_types")
"""Fields with an entry a layer, that say of which kind it is."""

_DEPTHS = ("num_hidden_layers", "num_layers", "n_layer", "n_layers")


def small(model_type: str, own: dict[str, Any]) -> PreTrainedConfig:
    """A small configuration of a model type.

    Args:
        model_type: As transformers calls it.
        own: What this type wants otherwise; dictionaries for configurations in the configuration.
    """
    found = CONFIG_MAPPING[model_type]
    return found(**arguments(found, own))


def arguments(configuration: type[PreTrainedConfig], own: dict[str, Any]) -> dict[str, Any]:
    """The small arguments of a configuration class: layers, of every kind that it names once."""
    fields = {field.name: field.default for field in dataclasses.fields(configuration)}
    try:
        usual: Any = configuration()
    except Exception:  # Some have no valid defaults; all of those say in a table what they want.
        usual = None
    found: dict[str, Any] = {}
    for name, size in {**_NAMED, "eos_token_id": 2, **_FACTORS}.items():
        if name in fields and not isinstance(fields[name], (bool, list)):
            found[name] = size
    # A sliding window or none: a model without one is a kind of its own.
    if "sliding_window" in found and fields["sliding_window"] is None:
        del found["sliding_window"]
    # Latent attention has as many key heads as query heads, and derives the size of a head.
    if "qk_rope_head_dim" in found:
        found.pop("head_dim", None)
        found["num_key_value_heads"] = found["num_attention_heads"]
    kinds = {
        name: list(dict.fromkeys(getattr(usual, name)))
        for name in KINDS
        if name in fields and isinstance(getattr(usual, name, None), (list, tuple))
    }
    kinds.update({name: own[name] for name in KINDS if name in own})
    depth = max([2, *(len(each) for each in kinds.values())])
    for name, each in kinds.items():
        found[name] = [*each, *[each[-1]] * depth][:depth]
    for name in _DEPTHS:
        if name in found:
            found[name] = depth
    inner = getattr(configuration, "sub_configs_defaults", {})
    found |= {name: {} for name in inner if name in fields}
    found |= {name: value for name, value in own.items() if name not in kinds}
    for name, spec in inner.items():
        if isinstance(found.get(name), dict):
            found[name] = _nested(spec, found[name])
    return found


def _nested(spec: Any, own: dict[str, Any]) -> dict[str, Any]:
    inner = spec.config_class
    if inner is AutoConfig:
        inner = CONFIG_MAPPING[spec.model_type]
        return {"model_type": spec.model_type, **arguments(inner, own)}
    return arguments(inner, own)
