"""Gemma 1 to 3: Llama's layout, norm weights stored as an offset from 1, scaled embeddings."""

from __future__ import annotations

import torch
from torch import Tensor

from analysis.engine.weights.adapter import ModelWeights


class GemmaWeights(ModelWeights):
    """Norms multiply by 1 + w; the embedding module multiplies its rows by √D."""

    def input_embeddings(self, tokens: Tensor | None = None) -> Tensor:
        """As `ModelWeights.input_embeddings`, √D included."""
        return super().input_embeddings(tokens).mul_(self.width**0.5)

    def _norm_weight(self, stored: Tensor) -> Tensor:
        return torch.add(stored, 1.0)
