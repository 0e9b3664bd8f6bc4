"""How many tokens a model reads: what its code takes where positions are learned, in words."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from analysis.engine.limits import (
    context_window,
    refuse_too_long,
    refuse_unknown_ids,
    vocabulary_size,
)
from analysis.problems import ProblemError
from analysis.saliency.compute.importance import importance
from tests.support.small_models import small_model

WINDOW = 16
_SHARED: dict[str, Any] = {"vocab_size": 97, "bos_token_id": 1, "eos_token_id": 2}
_WIDE: dict[str, Any] = {
    **_SHARED,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": WINDOW,
}
_BERT: dict[str, Any] = {**_WIDE, "intermediate_size": 48, "is_decoder": True}
_DECODER: dict[str, Any] = {
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 48,
    "encoder_layers": 1,
    "encoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "pad_token_id": 1,
    "is_encoder_decoder": False,
}
_BART: dict[str, Any] = {**_SHARED, **_DECODER, "d_model": 32, "max_position_embeddings": WINDOW}
_GPT: dict[str, Any] = {**_SHARED, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": WINDOW}
LEARNED: dict[str, dict[str, Any]] = {
    "gpt2": _GPT,
    "openai-gpt": _GPT,
    "codegen": {**_GPT, "rotary_dim": 4},
    "ctrl": {**_GPT, "dff": 48},
    "gpt_bigcode": _GPT,
    "gpt_neo": {
        **_WIDE,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
    },
    "opt": {**_WIDE, "word_embed_proj_dim": 32, "ffn_dim": 48},
    "biogpt": _BERT,
    "bart": _BART,
    "trocr": {**_BART, "use_learned_position_embeddings": True},
    "whisper": {
        **_SHARED,
        **_DECODER,
        "d_model": 32,
        "max_target_positions": WINDOW,
        "pad_token_id": 0,
        "decoder_start_token_id": 1,
    },
    "mpt": {**_SHARED, "d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": WINDOW},
    "bert": {**_BERT, "pad_token_id": 0},
    "electra": {**_BERT, "embedding_size": 32},
    "xlm": {**_SHARED, "emb_dim": 32, "n_layers": 2, "n_heads": 4, "causal": True}
    | {"max_position_embeddings": WINDOW},
    # Positions that count from behind the padding token.
    "camembert": {**_BERT, "pad_token_id": 0},
    "xlm-roberta": {**_BERT, "pad_token_id": 5},
    **{
        name: {**_BERT, "pad_token_id": 1}
        for name in ("roberta", "xlm-roberta-xl", "roberta-prelayernorm", "data2vec-text")
    },
    "xmod": {**_BERT, "pad_token_id": 1, "languages": ["en_XX"], "default_language": "en_XX"},
    "prophetnet": {
        **_SHARED,
        "hidden_size": 32,
        "num_encoder_layers": 1,
        "num_encoder_attention_heads": 4,
        "encoder_ffn_dim": 48,
        "num_decoder_layers": 2,
        "num_decoder_attention_heads": 4,
        "decoder_ffn_dim": 48,
        "max_position_embeddings": WINDOW,
        "pad_token_id": 1,
        "is_encoder_decoder": False,
    },
}
# Families that read on and on, whatever their configuration calls a length.
ENDLESS: dict[str, dict[str, Any]] = {
    "bloom": {**_SHARED, "hidden_size": 32, "n_layer": 2, "n_head": 4, "seq_length": WINDOW},
    "mamba": {**_SHARED, "hidden_size": 32, "state_size": 8, "num_hidden_layers": 2},
    "xlnet": {**_SHARED, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48},
}


def model_of(family: str, settings: dict[str, Any]) -> PreTrainedModel:
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(family, **settings)
    )
    return model.eval()


def reads(model: PreTrainedModel, tokens: int) -> None:
    # No padding token among them: some families give it no position.
    with torch.no_grad():
        model(input_ids=torch.arange(tokens)[None] % 50 + 10, use_cache=False)


@pytest.mark.parametrize("family", LEARNED)
def test_the_window_is_what_the_model_has_positions_for(family: str) -> None:
    model = model_of(family, LEARNED[family])
    window = context_window(model.config)
    reads(model, window)
    with pytest.raises((IndexError, RuntimeError)):
        reads(model, window + 1)


@pytest.mark.parametrize("family", ENDLESS)
def test_some_families_have_no_window(family: str) -> None:
    model = model_of(family, ENDLESS[family])
    assert context_window(model.config) == 0
    reads(model, 3 * WINDOW)


def test_computed_positions_are_held_to_what_was_trained() -> None:
    assert context_window(AutoConfig.for_model("llama", max_position_embeddings=WINDOW)) == WINDOW
    assert context_window(AutoConfig.for_model("dbrx", max_seq_len=WINDOW)) == WINDOW
    assert context_window(AutoConfig.for_model("rwkv", context_length=WINDOW)) == WINDOW


@pytest.mark.parametrize("family", ["roberta", "mpt", "opt"])
def test_a_map_beyond_the_window_is_refused_in_words(family: str) -> None:
    model = model_of(family, LEARNED[family])
    window = context_window(model.config)
    fits = importance(model, [11] * (window - 1), [12, 13], method="occlusion")
    assert fits.shape == (window - 1, 2)
    with pytest.raises(ProblemError, match=f"reads at most {window}"):
        importance(model, [11] * window, [12, 13], method="occlusion")


@pytest.mark.parametrize(
    ("window", "prompt", "response", "fits"),
    [
        (8, 7, None, True),
        (8, 8, None, False),
        (8, 8, 0, True),
        (8, 8, 1, True),
        (8, 8, 2, False),
        (8, 5, 4, True),
        (0, 10**6, 10**6, True),
    ],
)
def test_the_last_token_of_a_response_needs_no_room(
    window: int, prompt: int, response: int | None, fits: bool
) -> None:
    if fits:
        refuse_too_long(window, prompt, response, "m")
        return
    with pytest.raises(ProblemError, match=r"too long .* m reads at most 8"):
        refuse_too_long(window, prompt, response, "m")


def test_the_vocabulary_is_the_embeddings_not_what_the_configuration_says() -> None:
    model = small_model("llama")
    model.resize_token_embeddings(120)
    model.config.vocab_size = 97
    assert vocabulary_size(model) == 120


@pytest.mark.parametrize("token", [-1, 97, None])
def test_an_id_without_an_embedding_is_refused(token: int | None) -> None:
    refuse_unknown_ids([0, 96], 97)
    with pytest.raises(
        ProblemError, match=f"It has the id {token}; the model's embeddings have 97"
    ):
        refuse_unknown_ids([3, token], 97)
