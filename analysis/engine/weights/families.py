"""The table of families: what each calls its heads and networks; and those that cannot be read."""

from __future__ import annotations

from dataclasses import replace

from analysis.engine.weights.family import (
    NO_NORM,
    Dense,
    Experts,
    Family,
    Fused,
    Latent,
    NoHeads,
    NoNetwork,
    Norm,
    Separate,
)

_LAYER_NORM = Norm("layer")
_PLUS_ONE = Norm("rms", plus_one=True)
_OWN_NORM = "Embeddings pass a norm of their own before the first layer, which is left out."
_OWN_HEAD = "A layer of its own before the output head is left out of E_o."

_STREAMS = "The several streams of its residual are taken for one."

_LLAMA = Family()
_LAYERED = Family(norms=(_LAYER_NORM,))
_GEMMA = Family(norms=(_PLUS_ONE,))
_POST_NORM = Family(norms=(NO_NORM,))

_DELTA = NoHeads("linear_attn", "keeps a state by the gated delta rule instead of attending")
_KDA = NoHeads("self_attn.conv1d", "keeps a state by the delta rule instead of attending")
_MAMBA = NoHeads("mamba", "keeps a state (Mamba) instead of attending")
_SHARES_KEYS = Separate(shares_keys=True)
_CONVOLVED = "mixes the keys of neighbouring positions by a convolution"

_LATENT = Family(heads=(Latent(),))
_KIMI = Family(heads=(_KDA, Latent()))
_GATED_DELTA = Family(norms=(_PLUS_ONE,), heads=(_DELTA, Separate(gated=True)))

_DECODER = Family(norms=(NO_NORM,), networks=(Dense("fc2"),), notes=(_OWN_NORM,))
_PRE_DECODER = Family(norms=(Norm("layer", "self_attn_layer_norm"),), networks=(Dense("fc2"),))

_BERT = Family(
    norms=(NO_NORM,),
    heads=(Separate("attention.self.query", "attention.self.key"),),
    networks=(Dense("output.dense"),),
    layer="encoder.layer.{layer}.",
    notes=(_OWN_NORM, _OWN_HEAD),
)

_GPT2 = Family(
    norms=(Norm("layer", "ln_1"),),
    heads=(Fused("attn.c_attn", "blocks"),),
    networks=(Dense("mlp.c_proj"),),
    layer="h.{layer}.",
)
_NEOX = Family(
    norms=(_LAYER_NORM,),
    heads=(Fused("attention.query_key_value", "groups"),),
    networks=(Dense("mlp.dense_4h_to_h"),),
)
_FALCON = replace(
    _NEOX,
    norms=(Norm("layer", "ln_attn"), _LAYER_NORM),
    heads=(Fused("self_attention.query_key_value", "groups"),),
    layer="h.{layer}.",
)
_GRANITE_EXPERTS = Experts("block_sparse_moe.experts.down_proj", ("shared_mlp.output_linear",))
_GRANITE = Family(
    heads=(_MAMBA, Separate()),
    networks=(_GRANITE_EXPERTS, Dense("shared_mlp.output_linear"), Dense()),
)
_LFM = Family(
    norms=(Norm("rms", "operator_norm"),),
    heads=(NoHeads("conv", "mixes neighbouring positions by a convolution alone"), Separate()),
    networks=(Experts("feed_forward.experts.down_proj", ()), Dense("feed_forward.w2")),
)
_IN_OUT = Experts(stored="in_out")
_GEMMA_4 = Family(
    heads=(Separate(), _SHARES_KEYS),
    networks=(Experts("experts.down_proj", ("mlp.down_proj",)), Dense()),
)
_INKLING = Family(
    heads=(NoHeads("self_attn", _CONVOLVED),),
    notes=("The norm inside the embedding module is left out of E_i.",),
)
_ZAMBA = "attends to its input beside the text's embeddings, twice as wide as either"
_MAMBA_ALONE = NoNetwork("mamba", "consists of a state (Mamba) alone")


def _all(names: str, family: Family) -> dict[str, Family]:
    return dict.fromkeys(names.split(), family)


FAMILIES: dict[str, Family] = {
    # Llama's layout, dense or with experts beside or instead of the dense network.
    **_all(
        """llama mistral ministral ministral3 qwen2 qwen3 smollm3 granite seed_oss apertus arcee
        aria_text cwm diffllama doge emu3_text_model ernie4_5 glm glm4 helium hunyuan_v1_dense
        hyperclovax internlm3 iquestcoder bitnet flint granite_swa afmoe beam dots1
        ernie4_5_moe exaone_moe glm4_moe hunyuan_v1_moe hy_v3 kolibri1 laguna mellum
        mimo_v2_flash mixtral qwen2_moe qwen3_moe olmoe solar_open minimax_m2""",
        _LLAMA,
    ),
    "apertus": Family(norms=(Norm("rms", "attention_layernorm"),)),
    "aria_text": Family(networks=(_IN_OUT,)),
    "gpt_oss": Family(networks=(_IN_OUT,)),
    "hunyuan_v1_moe": Family(networks=(Experts(shared=("mlp.shared_mlp.down_proj",)),)),
    "doge": Family(
        networks=(
            NoNetwork("mlp.down_embed", "picks single units as its experts, token by token"),
            Dense(),
        )
    ),
    "llama4_text": Family(
        networks=(
            Experts(
                "feed_forward.experts.down_proj",
                ("feed_forward.shared_expert.down_proj",),
                "in_out",
            ),
            Dense("feed_forward.down_proj"),
        )
    ),
    "mllama_text_model": Family(
        heads=(Separate(), NoHeads("cross_attn", "attends to images, not to the text"))
    ),
    "phi3": Family(heads=(Fused("self_attn.qkv_proj", "blocks"),)),
    "phi4_multimodal": Family(heads=(Fused("self_attn.qkv_proj", "blocks"),)),
    "nanochat": Family(norms=(Norm("rms", ""),), networks=(Dense("mlp.fc2"),), notes=(_OWN_NORM,)),
    "moshi": Family(
        heads=(Separate("self_attn.q_proj.linear", "self_attn.k_proj.linear"),),
        networks=(Dense("mlp.fc2"),),
    ),
    # LayerNorm before attention.
    **_all("cohere cohere2 cohere2_moe cohere_compass_text jais2 phimoe", _LAYERED),
    "stablelm": _LAYERED,
    "nemotron": Family(norms=(Norm("layer", plus_one=True),)),
    "olmo": Family(norms=(Norm("layer", ""),)),
    "phi": Family(norms=(_LAYER_NORM,), networks=(Dense("mlp.fc2"),)),
    "starcoder2": Family(norms=(_LAYER_NORM,), networks=(Dense("mlp.c_proj"),)),
    "modernbert-decoder": Family(
        norms=(Norm("layer", "attn_norm"), NO_NORM),
        heads=(Separate("attn.q_proj", "attn.k_proj"),),
        networks=(Dense("mlp.Wo"),),
        notes=(_OWN_NORM, _OWN_HEAD),
    ),
    # 1 + w, and what else Google's models have of their own.
    **_all("gemma gemma2 gemma3_text vaultgemma minimax_m3_vl_text", _GEMMA),
    "gemma3n_text": Family(heads=(Separate(), _SHARES_KEYS), notes=(_STREAMS,)),
    "gemma4_text": _GEMMA_4,
    "gemma4_unified_text": _GEMMA_4,
    "recurrent_gemma": Family(
        norms=(Norm("rms", "temporal_pre_norm", plus_one=True),),
        heads=(
            NoHeads("temporal_block.rg_lru", "keeps a state by a recurrence instead of attending"),
            Separate("temporal_block.q_proj", "temporal_block.k_proj"),
        ),
        networks=(Dense("mlp_block.down_proj"),),
    ),
    # No norm before attention.
    **_all("olmo2 olmo3 exaone4 flex_olmo", _POST_NORM),
    # Latent attention.
    **_all(
        """axk1 deepseek_v2 deepseek_v3 deepseek_v32 glm4_moe_lite glm_moe_dsa minicpm3 youtu""",
        _LATENT,
    ),
    **_all("bailing_hybrid kimi_linear", _KIMI),
    "hy_v4": replace(_LATENT, notes=(_STREAMS,)),
    "dots3_note_text": Family(heads=(Latent("self_attn", "q_lora_scale", "kv_lora_scale"),)),
    "axk2": Family(
        heads=(NoHeads("self_attn", "follows a norm with a gate that depends on the token"),)
    ),
    "deepseek_v4": Family(
        heads=(NoHeads("self_attn", "joins the keys of several positions into one"),)
    ),
    "longcat_flash": Family(
        norms=(Norm("rms", "input_layernorm.{twin}"),),
        heads=(Latent("self_attn.{twin}", "mla_scale_q_lora", "mla_scale_kv_lora"),),
        networks=(Dense("mlps.{twin}.down_proj"),),
        layer="layers.{half}.",
        notes=("The experts beside each pair of layers are left out.",),
    ),
    # Attention beside layers, or parts of layers, that keep a state instead.
    "bamba": Family(heads=(_MAMBA, Separate()), networks=(Dense("feed_forward.down_proj"),)),
    "falcon_h1": Family(
        heads=(
            Separate(
                query_factors=("attention_in_multiplier",),
                key_factors=("attention_in_multiplier", "key_multiplier"),
            ),
        ),
        networks=(Dense("feed_forward.down_proj"),),
        notes=("The state (Mamba) beside the heads of each layer is left out.",),
    ),
    **_all("granitemoe granitemoe_swa granitemoehybrid granitemoeshared", _GRANITE),
    "jamba": Family(
        heads=(_MAMBA, Separate()),
        networks=(
            Experts("feed_forward.experts.down_proj", ()),
            Dense("feed_forward.down_proj"),
        ),
    ),
    "lfm2": _LFM,
    "lfm2_moe": _LFM,
    "lfm3": _LFM,
    "minimax": Family(
        heads=(
            NoHeads("self_attn.output_gate", "attends without a softmax (lightning attention)"),
            Separate(),
        )
    ),
    "nemotron_h": Family(
        norms=(Norm("rms", "norm"),),
        heads=(
            Separate("mixer.q_proj", "mixer.k_proj"),
            NoHeads("mixer.A_log", "keeps a state (Mamba) instead of attending"),
            NoHeads("mixer.down_proj", "is a feed-forward network alone"),
            NoHeads("mixer.experts", "consists of experts alone"),
        ),
        networks=(
            NoNetwork(
                "mixer.fc1_latent_proj.weight", "has experts that write into a narrower space"
            ),
            Experts("mixer.experts.down_proj", ("mixer.shared_experts.down_proj",)),
            Dense("mixer.down_proj"),
            NoNetwork("mixer.A_log", "consists of a state (Mamba) alone"),
            NoNetwork("mixer.q_proj", "consists of attention alone"),
        ),
    ),
    "olmo_hybrid": Family(norms=(Norm(), NO_NORM), heads=(_DELTA, Separate())),
    **_all("qwen3_next qwen3_5_text qwen3_5_moe_text", _GATED_DELTA),
    "qwen4_exp_text": Family(
        heads=(
            _DELTA,
            NoHeads(
                "self_attn", "reads a mixture of streams with weights that depend on the token"
            ),
        )
    ),
    "rwkv": Family(
        heads=(NoHeads("attention.time_decay", "keeps a state (RWKV) instead of attending"),),
        networks=(Dense("feed_forward.value"),),
        layer="blocks.{layer}.",
    ),
    "xlstm": Family(
        heads=(NoHeads("mlstm_layer", "keeps a state (xLSTM) instead of attending"),),
        networks=(Dense("ffn.proj_down"),),
        layer="blocks.{layer}.",
    ),
    "zamba": Family(
        heads=(NoHeads("shared_transf", _ZAMBA), _MAMBA),
        networks=(Dense("shared_transf.feed_forward.down_proj"), _MAMBA_ALONE),
    ),
    "zamba2": Family(
        heads=(NoHeads("shared_transformer", _ZAMBA), _MAMBA),
        networks=(Dense("shared_transformer.feed_forward.down_proj"), _MAMBA_ALONE),
    ),
    "zaya": Family(heads=(NoHeads("self_attn.qkv_proj", _CONVOLVED),)),
    "inkling_text": _INKLING,
    "inkling2_text": _INKLING,
    "jetmoe": Family(
        heads=(NoHeads("self_attention", "has its queries made by experts"),),
        networks=(Experts("mlp.output_linear", ()),),
    ),
    # GPTs.
    "gpt2": _GPT2,
    "gpt_bigcode": replace(_GPT2, heads=(Fused("attn.c_attn", "groups"),)),
    "gpt_neo": replace(_GPT2, heads=(Separate("attn.attention.q_proj", "attn.attention.k_proj"),)),
    "gptj": replace(
        _GPT2,
        heads=(Separate("attn.q_proj", "attn.k_proj"),),
        networks=(Dense("mlp.fc_out"),),
    ),
    "codegen": replace(
        _GPT2, heads=(Fused("attn.qkv_proj", "quarters"),), networks=(Dense("mlp.fc_out"),)
    ),
    "openai-gpt": replace(_GPT2, norms=(NO_NORM,)),
    "gpt_neox": _NEOX,
    "gpt_neox_japanese": _NEOX,
    "persimmon": replace(_NEOX, heads=(Fused("self_attn.query_key_value", "groups"),)),
    "bloom": replace(_FALCON, notes=(_OWN_NORM,)),
    "falcon": _FALCON,
    "mpt": Family(
        norms=(Norm("layer", "norm_1"),),
        heads=(Fused("attn.Wqkv", "blocks"),),
        networks=(Dense("ffn.down_proj"),),
        layer="blocks.{layer}.",
    ),
    "dbrx": Family(
        norms=(Norm("layer", "norm_attn_norm.norm_1"),),
        heads=(Fused("norm_attn_norm.attn.Wqkv", "blocks"),),
        networks=(Experts("ffn.experts.mlp.w2", (), "flat"),),
        layer="blocks.{layer}.",
    ),
    "ctrl": Family(
        norms=(Norm("layer", "layernorm1"),),
        heads=(Separate("multi_head_attention.Wq", "multi_head_attention.Wk"),),
        networks=(Dense("ffn.2"),),
        layer="h.{layer}.",
    ),
    # Decoders of encoder-decoders, without their attention to an encoder.
    **_all("bart blenderbot-small marian mvp plbart trocr", _DECODER),
    "marian": replace(_DECODER, notes=()),
    **_all("bigbird_pegasus biogpt blenderbot mbart pegasus whisper xglm", _PRE_DECODER),
    "opt": replace(
        _PRE_DECODER,
        norms=(
            Norm("layer", "self_attn_layer_norm", unless=("do_layer_norm_before", False)),
            NO_NORM,
        ),
    ),
    "prophetnet": replace(
        _DECODER,
        heads=(Separate("self_attn.query_proj", "self_attn.key_proj"),),
        networks=(Dense("feed_forward.output"),),
    ),
    # Encoders that are told to decode.
    **_all(
        """bert bert-generation big_bird camembert data2vec-text electra ernie git rembert
        roberta roc_bert roformer xlm-roberta xmod""",
        _BERT,
    ),
    "megatron-bert": replace(_BERT, norms=(Norm("layer", "attention.ln"),), notes=(_OWN_HEAD,)),
    "roberta-prelayernorm": replace(_BERT, norms=(Norm("layer", "attention.LayerNorm"),)),
    "xlm-roberta-xl": replace(
        _BERT, norms=(Norm("layer", "attention.self_attn_layer_norm"),), notes=(_OWN_HEAD,)
    ),
    "cpmant": Family(
        norms=(Norm("rms", "self_att.layernorm_before_attention"),),
        heads=(Separate("self_att.self_attention.project_q", "self_att.self_attention.project_k"),),
        networks=(Dense("ffn.ffn.w_out"),),
        layer="encoder.layers.{layer}.",
    ),
    "xlm": Family(
        norms=(NO_NORM,),
        heads=(Separate("attentions.{layer}.q_lin", "attentions.{layer}.k_lin"),),
        networks=(Dense("ffns.{layer}.lin2"),),
        layer="",
        notes=(_OWN_NORM,),
    ),
    "xlnet": Family(
        norms=(NO_NORM,),
        heads=(Separate("rel_attn.q", "rel_attn.k"),),
        networks=(Dense("ff.layer_2"),),
        layer="layer.{layer}.",
        notes=("Scores between positions alone are left out.",),
    ),
}
"""Every family that can be read, as transformers' ``model_type`` of the text model."""

_STATE = "Its layers keep a state (Mamba): they have neither heads nor feed-forward networks."
_ASSISTANT = "It drafts for a larger model, whose keys and values its layers use."
_AUDIO = "It has a text model and an audio model, and neither is the one stack of layers."

OUTSIDE: dict[str, str] = {
    "mamba": _STATE,
    "mamba2": _STATE,
    "falcon_mamba": _STATE,
    "hrm_text": "It goes through its two stacks again and again: no layer has a number of its own.",
    "blt": "It reads bytes in patches, by three networks: it is not one stack of layers.",
    "reformer": "Its layers carry two streams, and its output head reads both at once.",
    "gemma4_assistant": _ASSISTANT,
    "gemma4_unified_assistant": _ASSISTANT,
    "musicgen": _AUDIO,
    "musicgen_melody": _AUDIO,
}
"""The families of transformers' causal models that cannot be read, and why.

By ``model_type`` of the model or of its text model.
"""
