"""How the heads of one layer make queries and keys."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class QueryKey:
    """How the heads of one layer make queries and keys, before rotation and q/k norms.

    For a state x that `ModelWeights.standardise` has prepared, x·w_q + query_bias is the query
    of every head side by side, and x·w_k + key_bias the key of every group of heads.

    Attributes:
        w_q: float32 [D, H·d], the pre-attention norm's weight folded in.
        w_k: float32 [D, H_kv·d], likewise.
        query_bias: float32 [H·d], the norm's bias folded in; None where there is none.
        key_bias: float32 [H_kv·d], likewise.
        head_dim: d.
    """

    w_q: Tensor
    w_k: Tensor
    query_bias: Tensor | None
    key_bias: Tensor | None
    head_dim: int

    def head(self, head: int) -> tuple[Tensor, Tensor]:
        """One head's W_q and W_k; heads of a group share their W_k.

        Args:
            head: From 0 to H - 1.

        Returns:
            float32 [D, d] and float32 [D, d], views.
        """
        own, shared = self._columns(head)
        return self.w_q[:, own], self.w_k[:, shared]

    def biases(self, head: int) -> tuple[Tensor, Tensor] | None:
        """One head's query and key bias, float32 [d] each; None where the layer has none."""
        if self.query_bias is None or self.key_bias is None:
            return None
        own, shared = self._columns(head)
        return self.query_bias[own], self.key_bias[shared]

    def _columns(self, head: int) -> tuple[slice, slice]:
        repeats = self.w_q.shape[1] // self.w_k.shape[1]
        own, shared = head * self.head_dim, head // repeats * self.head_dim
        return slice(own, own + self.head_dim), slice(shared, shared + self.head_dim)
