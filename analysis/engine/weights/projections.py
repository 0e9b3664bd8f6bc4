"""W_q and W_k of a layer, out of whatever modules make its queries and keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.engine.weights.family import Fused, Latent, Separate
from analysis.engine.weights.structure import Layer, Structure
from analysis.engine.weights.tensors import TensorSource
from analysis.problems import ProblemError, problem


@dataclass(frozen=True, eq=False)
class QueryKey:
    """The query and key projections of one layer, before rotation and q/k norms.

    For a state x after the pre-attention norm without its weight, x·w_q holds the queries of all
    heads, concatenated, and x·w_k the keys of all groups of heads; biases are left out.

    Attributes:
        w_q: float32 [D, H·d], the pre-attention norm's weight folded in.
        w_k: float32 [D, H_kv·d], likewise.
        head_dim: d.
    """

    w_q: Tensor
    w_k: Tensor
    head_dim: int

    def head(self, head: int) -> tuple[Tensor, Tensor]:
        """W_q and W_k of a head, float32 [D, d] each, views; heads of a group share their W_k."""
        repeats = self.w_q.shape[1] // self.w_k.shape[1]
        own, shared = head * self.head_dim, head // repeats * self.head_dim
        return self.w_q[:, own:][:, : self.head_dim], self.w_k[:, shared:][:, : self.head_dim]


class Reader:
    """Reads tensors and refuses those that are missing or of another shape than the model's.

    Args:
        tensors: By their names in memory.
        shapes: What each should be.
        family: For what is said of a missing one.
    """

    def __init__(
        self, tensors: TensorSource, shapes: Mapping[str, tuple[int, ...]], family: str
    ) -> None:
        self._tensors, self._shapes, self._family = tensors, shapes, family

    def read(self, name: str, index: int | None = None) -> Tensor:
        """A tensor, or one part of it along its first dimension; ProblemError ``model``."""
        self._check(name, self._shapes[name])
        return self._tensors.read(name, index)

    def rows(self, name: str, width: int, index: Tensor | None) -> Tensor:
        """Rows of a table, however many it has; ProblemError ``model``."""
        if name not in self._tensors:
            raise self.missing(name)
        self._check(name, (self._tensors.shape(name)[0], width))
        return self._tensors.read(name, index)

    def missing(self, name: str) -> ProblemError:
        """The problem of a tensor that is not there."""
        return problem(
            "model",
            f"{self._tensors.where} lacks the tensor {name}.",
            f"A model of the family {self._family} should have it.",
            "Fetch the model's files again, or load the model to see what transformers says.",
        )

    def _check(self, name: str, shape: tuple[int, ...]) -> None:
        if name not in self._tensors:
            raise self.missing(name)
        if self._tensors.shape(name) != shape:
            raise problem(
                "model",
                f"The tensor {name} of {self._tensors.where} has another shape than its "
                "configuration implies.",
                f"It is {list(self._tensors.shape(name))}, not {list(shape)}.",
                "Fetch the model's files again, config.json included.",
            )


def query_key(layer: int, what: Layer, structure: Structure, reader: Reader) -> QueryKey:
    """W_q and W_k of a layer that has heads, the norm before them folded in."""
    modules = _Modules(layer, what, structure, reader)
    heads = what.heads
    if isinstance(heads, Latent):
        w_q, w_k = modules.latent(heads)
    elif isinstance(heads, Fused):
        w_q, w_k = modules.fused(heads)
    else:
        assert isinstance(heads, Separate)
        w_q, w_k = modules.separate(heads)
    w_q = modules.folded(layer, w_q)
    w_k = modules.folded(what.keys, w_k)
    if w_q.shape[0] != structure.width:
        raise problem(
            "model",
            f"The heads of layer {layer} cannot be held against the embeddings.",
            f"Those are {structure.width} wide, what the heads read {w_q.shape[0]}: a projection "
            "lies in between.",
            "Choose another model.",
        )
    return QueryKey(w_q, w_k, what.head_dim)


@dataclass(frozen=True)
class _Modules:
    layer: int
    what: Layer
    structure: Structure
    reader: Reader

    def folded(self, layer: int, matrix: Tensor) -> Tensor:
        """A matrix with the weight of the norm before a layer's attention."""
        norm = self.structure.layers[layer].norm
        if not norm.module:
            return matrix
        weight = self._weight(self.structure.name(layer, norm.module))[:, None]
        return (torch.add(weight, 1.0) if norm.plus_one else weight) * matrix

    def separate(self, heads: Separate) -> tuple[Tensor, Tensor]:
        w_q = self._matrix(self.structure.name(self.layer, heads.query))
        w_k = self._matrix(self.structure.name(self.what.keys, heads.key))
        if heads.gated:
            w_q = w_q.reshape(len(w_q), -1, 2, self.what.head_dim)[:, :, 0].flatten(1)
        return (
            _times(w_q, self.structure.factor(heads.query_factors)),
            _times(w_k, self.structure.factor(heads.key_factors)),
        )

    def fused(self, heads: Fused) -> tuple[Tensor, Tensor]:
        d, own, groups = self.what.head_dim, self.what.query_heads, self.what.key_heads
        whole = self._matrix(self.structure.name(self.layer, heads.module))
        if heads.layout == "blocks":
            return whole[:, : own * d], whole[:, own * d : (own + groups) * d]
        if heads.layout == "quarters":
            parts = whole.reshape(len(whole), 4, 3, -1)
            return parts[:, :, 0].flatten(1), parts[:, :, 2].flatten(1)
        parts = whole.reshape(len(whole), groups, -1, d)
        return parts[:, :, :-2].flatten(1), parts[:, :, -2].flatten(1)

    def latent(self, heads: Latent) -> tuple[Tensor, Tensor]:
        at, d = self.structure.name(self.layer, heads.attention), self.what.head_dim
        if self.structure.has(f"{at}.q_b_proj"):
            w_q = self._matrix(f"{at}.q_a_proj") * self._weight(f"{at}.q_a_layernorm")
            w_q = w_q @ self._matrix(f"{at}.q_b_proj")
        else:
            w_q = self._matrix(f"{at}.q_proj")
        inner = self._weight(f"{at}.kv_a_layernorm")
        w_k = self._matrix(f"{at}.kv_a_proj_with_mqa")[:, : len(inner)] * inner
        w_k = w_k @ self._matrix(f"{at}.kv_b_proj")
        factors = [
            float(self.structure.attribute(at, (name,))) if name else 1.0
            for name in (heads.query_factor, heads.key_factor)
        ]
        w_q, w_k = (
            _times(each.reshape(len(each), self.what.query_heads, -1)[:, :, :d].flatten(1), factor)
            for each, factor in zip((w_q, w_k), factors, strict=True)
        )
        return w_q, w_k

    def _weight(self, module: str) -> Tensor:
        return self.reader.read(f"{module}.weight")

    def _matrix(self, module: str) -> Tensor:
        """A module's weight as [in, out], applied from the right."""
        weight = self.reader.read(self.structure.weight(module))
        return weight.flatten(1) if self.structure.in_by_out(module) else weight.T


def _times(matrix: Tensor, factor: float) -> Tensor:
    return matrix if factor == 1.0 else matrix * factor
