"""Dense families that depart from Llama's layout: Gemma, OLMo, Phi-3, and the GPTs."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from analysis.engine.weights.adapter import ModelWeights, PreNorm


class GemmaWeights(ModelWeights):
    """Gemma: norms multiply by 1 + w; the embedding module multiplies its rows by √D."""

    def input_embeddings(self, tokens: Tensor | None = None) -> Tensor:
        return super().input_embeddings(tokens).mul_(self.width**0.5)

    def _norm_weight(self, stored: Tensor) -> Tensor:
        return torch.add(stored, 1.0)


class PostNormWeights(ModelWeights):
    """OLMo 2 and 3: the norms come after attention and the feed-forward network."""

    pre_norm: ClassVar[PreNorm] = "none"


class Phi3Weights(ModelWeights):
    """Phi-3: one projection makes q, k and v, concatenated."""

    _query_key: ClassVar[tuple[str, ...]] = ("self_attn.qkv_proj",)

    def _split(self, projected: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        query, key = self.heads * self.head_dim, self.key_value_heads * self.head_dim
        (fused,) = projected
        return fused[..., :query], fused[..., query : query + key]


class Gpt2Weights(ModelWeights):
    """GPT-2: Conv1D layers [in, out]; ``c_attn`` makes q, k and v, concatenated."""

    pre_norm: ClassVar[PreNorm] = "layer"
    stored_out_by_in: ClassVar[bool] = False

    # GPT-2's published checkpoints have no prefix.
    _bodies: ClassVar[tuple[str, ...]] = ("transformer.", "")
    _embedding: ClassVar[str] = "wte.weight"
    _stack: ClassVar[str] = "h"
    _norm: ClassVar[str] = "ln_1"
    _query_key: ClassVar[tuple[str, ...]] = ("attn.c_attn",)
    _down: ClassVar[str] = "mlp.c_proj"

    def _split(self, projected: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        (fused,) = projected
        query, key, _ = fused.chunk(3, dim=-1)
        return query, key

    def _feed_forward(self) -> int:
        return int(self._config.n_inner or 4 * self.width)


class GptJWeights(ModelWeights):
    """GPT-J: separate projections without biases, ``fc_out`` as the down projection."""

    pre_norm: ClassVar[PreNorm] = "layer"

    _bodies: ClassVar[tuple[str, ...]] = ("transformer.", "")
    _embedding: ClassVar[str] = "wte.weight"
    _stack: ClassVar[str] = "h"
    _norm: ClassVar[str] = "ln_1"
    _query_key: ClassVar[tuple[str, ...]] = ("attn.q_proj", "attn.k_proj")
    _down: ClassVar[str] = "mlp.fc_out"

    @property
    def notes(self) -> tuple[str, ...]:
        return (*super().notes, "The bias of the output head is left out of E_o.")

    def _feed_forward(self) -> int:
        return int(self._config.n_inner or 4 * self.width)


class GptNeoxWeights(ModelWeights):
    """GPT-NeoX and Pythia: one projection makes q, k and v, interleaved by head."""

    pre_norm: ClassVar[PreNorm] = "layer"

    _bodies: ClassVar[tuple[str, ...]] = ("gpt_neox.", "")
    _output_heads: ClassVar[tuple[str, ...]] = ("lm_head.weight", "embed_out.weight")
    _embedding: ClassVar[str] = "embed_in.weight"
    _query_key: ClassVar[tuple[str, ...]] = ("attention.query_key_value",)
    _down: ClassVar[str] = "mlp.dense_4h_to_h"

    def _split(self, projected: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        (fused,) = projected
        heads = fused.reshape(*fused.shape[:-1], self.heads, 3, self.head_dim)
        return heads[..., 0, :].flatten(-2), heads[..., 1, :].flatten(-2)
