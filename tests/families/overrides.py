"""What a model type wants otherwise than the common small sizes, with the layers it shall have."""

from __future__ import annotations

from typing import Any

from tests.families.outside import ENCODERS

_SLIDING = ["sliding_attention", "full_attention"]
_LINEAR = ["linear_attention", "full_attention"]
_DECODER = {"is_decoder": True}
_VISION = {"image_size": 16, "patch_size": 8}
_GEMMA_4 = {
    "layer_types": [*_SLIDING, *_SLIDING],
    "num_kv_shared_layers": 2,
    "global_head_dim": 16,
    "hidden_size_per_layer_input": 8,
    "enable_moe_block": True,
}
_GEMMA_3N = {
    "layer_types": [*_SLIDING, *_SLIDING],
    "num_kv_shared_layers": 2,
    "intermediate_size": [48, 56, 48, 56],
    "activation_sparsity_pattern": [0.5, 0.0, 0.0, 0.0],
}
_ASSISTANT = {
    "layer_types": _SLIDING,
    "num_kv_shared_layers": 2,
    "hidden_size_per_layer_input": 0,
    "vocab_size_per_layer_input": 0,
    "global_head_dim": 16,
}
_DOTS_3 = {
    f"swa_{name}": size
    for name, size in {
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "q_lora_rank": 16,
        "kv_lora_rank": 16,
        "head_dim": 12,
        "qk_nope_head_dim": 8,
        "v_head_dim": 8,
    }.items()
}
_QWEN_4 = {
    "indexer_n_heads": 16,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 8,
    "indexer_budget": 4,
    "indexer_compress_ratio": 2,
    "hc_count": 2,
    "hc_lowrank": 8,
    "ple_layer_ids": [1],
    "ngram_size": 3,
    "heads_per_ngram": 2,
    "ngram_vocab_size_base": 64,
    "make_ngram_vocab_size_divisible_by": 4,
    "split_ngram_parts": 2,
}
_MOE_AFTER_DENSE = {"mlp_only_layers": [0], "decoder_sparse_step": 1}

_LLAMA_4 = {"no_rope_layers": [1, 0], "interleave_moe_layer_step": 2, "floor_scale": 4}

OWN: dict[str, dict[str, Any]] = {
    **dict.fromkeys(ENCODERS, _DECODER),
    "afmoe": {"mup_enabled": True},
    "bamba": {"attn_layer_indices": [1]},
    "blt": {"encoder_hash_byte_group_vocab": 64, "encoder_hash_byte_group_size": [2, 3]},
    "cohere_compass_text": {
        "layer_types": _SLIDING,
        "rope_parameters": {
            "sliding_attention": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [2, 1, 1],
            },
            "full_attention": None,
        },
    },
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8.0},
        "ffn_config": {"ffn_hidden_size": 24, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "deepseek_v4": {
        "compress_rates": {"compressed_sparse_attention": 2, "heavily_compressed_attention": 4}
    },
    "dots3_note": {
        "text_config": _DOTS_3,
        "vision_config": {"adapter_in_dim": 32, "adapter_out_dim": 32},
        "audio_config": {"adapter_input_size": 32, "adapter_out_dim": 32},
    },
    "dots3_note_text": _DOTS_3,
    "ernie4_5_moe": {"moe_layer_start_index": 1, "moe_layer_end_index": 1},
    "falcon_h1": {"mamba_d_ssm": 64},
    "gemma3": {"vision_config": _VISION, "mm_tokens_per_image": 4},
    "gemma3n": {"text_config": _GEMMA_3N},
    "gemma3n_text": _GEMMA_3N,
    "gemma4": {"text_config": _GEMMA_4, "vision_config": None, "audio_config": None},
    "gemma4_assistant": {"text_config": _ASSISTANT, "backbone_hidden_size": 32},
    "gemma4_text": _GEMMA_4,
    "gemma4_unified": {"text_config": _GEMMA_4, "vision_config": None, "audio_config": None},
    "gemma4_unified_assistant": {"text_config": _ASSISTANT, "backbone_hidden_size": 32},
    "gemma4_unified_text": _GEMMA_4,
    "git": {"vision_config": _VISION},
    "got_ocr2": {"vision_config": _VISION},
    "glm_moe_dsa": {"indexer_types": ["full", "shared"]},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "granitemoehybrid": {"layer_types": _LINEAR},
    "hrm_text": {"num_layers_per_stack": 1, "num_hidden_layers": 6, "H_cycles": 2, "L_cycles": 2},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "laguna": {"layer_types": _SLIDING, "num_attention_heads_per_layer": [4, 2]},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "llama4": {"text_config": _LLAMA_4},
    "llama4_text": _LLAMA_4,
    "longcat_flash": {"head_dim": 4, "zero_expert_num": 4, "qk_head_dim": 12},
    "mamba2": {"head_dim": 16},
    "mellum": {"layer_types": _SLIDING, "mlp_layer_types": ["dense", "sparse"]},
    "minimax_m3_vl_text": {
        "index_n_heads": 2,
        "layer_types": ["full_attention", "minimax_m3_sparse"],
        "mlp_layer_types": ["dense", "sparse"],
    },
    "minimax": {"layer_types": _LINEAR},
    "ministral": {"layer_types": _SLIDING},
    "mllama": {"text_config": {"num_hidden_layers": 3, "cross_attention_layers": [1]}},
    "moshi": {"sliding_window": 64},
    "phi4_multimodal": {"audio_config": {"nemo_conv_channels": 8, "ext_pw_out_channel": 32}},
    "qwen2": {"use_sliding_window": True, "sliding_window": 8, "layer_types": _SLIDING},
    "qwen2_moe": {"use_sliding_window": True, "layer_types": _SLIDING, **_MOE_AFTER_DENSE},
    "qwen3": {"use_sliding_window": True, "sliding_window": 8, "layer_types": _SLIDING},
    "qwen3_moe": _MOE_AFTER_DENSE,
    "qwen3_next": _MOE_AFTER_DENSE,
    "qwen4_exp": {"text_config": _QWEN_4},
    "qwen4_exp_text": _QWEN_4,
    "reformer": {
        **_DECODER,
        "attn_layers": ["local", "lsh"],
        "axial_pos_shape": [8, 8],
        "axial_pos_embds_dim": [16, 16],
        "local_attn_chunk_length": 4,
        "lsh_attn_chunk_length": 4,
        "num_buckets": 2,
        "hash_seed": 0,
    },
    "roc_bert": {
        **_DECODER,
        "pronunciation_embed_dim": 16,
        "pronunciation_vocab_size": 72,
        "shape_embed_dim": 16,
        "shape_vocab_size": 72,
    },
    "smollm3": {"no_rope_layers": [1, 0]},
    "xlm": {"causal": True},
    "xlnet": {"attn_type": "uni"},
    "xlstm": {"hidden_size": 64, "embedding_dim": 64, "qk_dim_factor": 1.0},
    "xmod": {**_DECODER, "default_language": "en_XX"},
    "zamba": {
        "layers_block_type": ["linear_attention", "hybrid", "linear_attention", "hybrid"],
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
    },
    "zamba2": {
        "num_key_value_heads": 4,
        "use_shared_attention_adapter": True,
        "adapter_rank": 8,
        "use_mem_rope": True,
    },
    "zaya": {
        "layer_types": ["hybrid", "hybrid_sliding"],
        "sliding_window": 8,
        "num_experts_per_tok": 1,
    },
}

_ALONE = {"layer_types": ["linear_attention", "linear_attention"]}

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "bailing_hybrid, linear layers alone": ("bailing_hybrid", _ALONE),
    "doge, mixture of experts": ("doge", {"is_moe": True, "num_experts": 16}),
    "falcon, grouped heads": (
        "falcon",
        {"new_decoder_architecture": True, "multi_query": False, "num_kv_heads": 2},
    ),
    "falcon, linear biases": ("falcon", {"alibi": True}),
    "gemma3_text, both ways": ("gemma3_text", {"use_bidirectional_attention": True}),
    "kimi_linear, linear layers alone": ("kimi_linear", _ALONE),
    "llama, both ways": ("llama", {"is_causal": False}),
    "minimax, full attention first": ("minimax", {"layer_types": _LINEAR[::-1]}),
    "qwen3_5_text, linear layers alone": ("qwen3_5_text", _ALONE),
    "qwen3_next, linear layers alone": ("qwen3_next", _ALONE),
    "qwen4_exp_text, linear layers alone": ("qwen4_exp_text", _ALONE),
}
"""Other stacks of a type's layers, that what reads a text must not take for granted."""
