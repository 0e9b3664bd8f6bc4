"""Mixtures of experts: Mixtral, Qwen 2 and 3 MoE, OLMoE; attention as in Llama."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from analysis.engine.weights.adapter import ModelWeights


class MixtralWeights(ModelWeights):
    """Routed experts: one fused tensor in memory, one tensor per expert on disk."""

    _expert_down: ClassVar[str] = "block_sparse_moe.experts.{expert}.w2"

    @property
    def notes(self) -> tuple[str, ...]:
        clip = getattr(self._config, "clip_qkv", None)
        clipped = (f"Clipping of queries and keys to ±{clip:g} is left out.",) if clip else ()
        return super().notes + clipped

    def down_projection(self, layer: int) -> Tensor:
        if self.experts_in(layer):
            raise ValueError(f"layer {layer} consists of experts")
        dense = int(self._config.intermediate_size)
        return self._matrix(self._name(layer, self._down), dense, self.width)

    def experts_in(self, layer: int) -> int:
        """As `ModelWeights.experts_in`; some layers of a Qwen model may be dense."""
        if self._name(layer, f"{self._down}.weight") in self._tensors:
            return 0
        return self.experts + self.shared_experts

    def expert_down_projection(self, layer: int, expert: int) -> Tensor:
        if not 0 <= expert < self.experts_in(layer):
            raise IndexError(f"layer {layer} has no expert {expert}")
        if expert == self.experts:
            return self._shared_down_projection(layer)
        fused = self._name(layer, "mlp.experts.down_proj")
        if fused in self._tensors:
            return self._read(fused, (self.experts, self.width, self.feed_forward), expert).T
        own = self._name(layer, self._expert_down.format(expert=expert))
        return self._matrix(own, self.feed_forward, self.width)

    def _experts(self) -> int:
        local = getattr(self._config, "num_local_experts", None)
        return int(local or self._config.num_experts)

    def _shared_down_projection(self, layer: int) -> Tensor:
        size = int(self._config.shared_expert_intermediate_size)
        return self._matrix(self._name(layer, "mlp.shared_expert.down_proj"), size, self.width)


class OlmoeWeights(MixtralWeights):
    """OLMoE: Mixtral in memory, Qwen's names on disk."""

    _expert_down: ClassVar[str] = "mlp.experts.{expert}.down_proj"


class Qwen3MoeWeights(OlmoeWeights):
    """Qwen 3 MoE: experts have their own width, and some layers may be dense."""

    def _feed_forward(self) -> int:
        return int(self._config.moe_intermediate_size)


class Qwen2MoeWeights(Qwen3MoeWeights):
    """Qwen 2 MoE: adds a shared expert, gated but never routed."""

    shared_experts: ClassVar[int] = 1

    @property
    def notes(self) -> tuple[str, ...]:
        shared = f"Expert {self.experts} is the shared one, which sees every token."
        return (*super().notes, shared)
