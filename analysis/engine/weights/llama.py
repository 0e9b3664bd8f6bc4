"""Small departures from Llama's layout: Gemma 1 to 3, post-norm OLMo, and Phi-3."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from analysis.engine.weights.adapter import ModelWeights, PreNorm


class GemmaWeights(ModelWeights):
    """Gemma: norms multiply by 1 + w; the embedding module multiplies its rows by √D."""

    def input_embeddings(self, tokens: Tensor | None = None) -> Tensor:
        """As `ModelWeights.input_embeddings`, √D included."""
        return super().input_embeddings(tokens).mul_(self.width**0.5)

    def _norm_weight(self, stored: Tensor) -> Tensor:
        return torch.add(stored, 1.0)


class PostNormWeights(ModelWeights):
    """OLMo 2 and 3: the norms come after attention and the feed-forward network."""

    pre_norm: ClassVar[PreNorm] = "none"


class Phi3Weights(ModelWeights):
    """Phi-3: one projection makes q, k and v, block after block."""

    _query_key: ClassVar[tuple[str, ...]] = ("self_attn.qkv_proj",)

    def _split(self, projected: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        query, key = self.heads * self.head_dim, self.key_value_heads * self.head_dim
        (fused,) = projected
        return fused[..., :query], fused[..., query : query + key]
