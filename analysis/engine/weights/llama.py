"""Small departures from Llama's layout: post-norm OLMo 2, and Phi-3's fused projection."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from analysis.engine.weights.adapter import ModelWeights, PreNorm


class PostNormWeights(ModelWeights):
    """OLMo 2 and 3: the norms come after attention and the feed-forward network."""

    pre_norm: ClassVar[PreNorm] = "none"


class Phi3Weights(ModelWeights):
    """Phi-3: one projection makes q, k and v, block after block."""

    _query_key: ClassVar[tuple[str, ...]] = ("self_attn.qkv_proj",)

    def split(self, projected: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """As `ModelWeights.split`; the values are dropped."""
        query, key = self.heads * self.head_dim, self.key_value_heads * self.head_dim
        (fused,) = projected
        return fused[..., :query], fused[..., query : query + key]
