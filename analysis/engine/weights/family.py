"""What an entry of the table of families says: where a family keeps its heads and networks.

All names are those in memory, relative to a layer; a name on disk is the business of `as_loaded`.
Where layers differ, an entry lists what a layer may be, and each layer is the first of them whose
`sign` it has in transformers' own model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PreNorm = Literal["rms", "layer", "none"]
Layout = Literal["blocks", "groups", "quarters"]
Stored = Literal["out_in", "in_out", "flat"]


@dataclass(frozen=True)
class Norm:
    """What precedes attention.

    Attributes:
        kind: RMSNorm, LayerNorm (which subtracts the mean), or nothing.
        module: The module with its weight; empty for a norm without one.
        plus_one: It multiplies by 1 + w.
        unless: A setting and the value of it with which this norm is not there.
    """

    kind: PreNorm = "rms"
    module: str = "input_layernorm"
    plus_one: bool = False
    unless: tuple[str, object] | None = None


NO_NORM = Norm("none", "")


@dataclass(frozen=True)
class Separate:
    """A module for queries and one for keys.

    Attributes:
        query: The module of the queries.
        key: The module of the keys.
        gated: The query module makes d numbers of a gate after each head's d queries.
        query_factors: Settings that queries are multiplied by.
        key_factors: Settings that keys are multiplied by.
        shares_keys: The layer has no keys of its own: it uses those of an earlier one.
    """

    query: str = "self_attn.q_proj"
    key: str = "self_attn.k_proj"
    gated: bool = False
    query_factors: tuple[str, ...] = ()
    key_factors: tuple[str, ...] = ()
    shares_keys: bool = False

    @property
    def signs(self) -> tuple[str, ...]:
        """The parts that a layer of this kind has."""
        return (self.query,) if self.shares_keys else (self.query, self.key)


@dataclass(frozen=True)
class Fused:
    """One module for queries, keys and values.

    Attributes:
        module: Its name.
        layout: ``blocks``: all queries, all keys, all values. ``groups``: the queries of a group of
            heads, its key, its value; then the next group. ``quarters``: four blocks of queries,
            values and keys, each with a quarter of the heads.
    """

    module: str
    layout: Layout

    @property
    def signs(self) -> tuple[str, ...]:
        """The parts that a layer of this kind has."""
        return (self.module,)


@dataclass(frozen=True)
class Latent:
    """Queries and keys by way of a narrow space (multi-head latent attention).

    W_q is q_a · diag(norm) · q_b, or q_proj where there is no narrow space of queries; W_k is
    kv_a · diag(norm) · kv_b; of both, the part without rotation.

    Attributes:
        attention: The module that has these as children.
        query_factor: An attribute of `attention` that queries are multiplied by.
        key_factor: Likewise for keys.
    """

    attention: str = "self_attn"
    query_factor: str = ""
    key_factor: str = ""

    @property
    def signs(self) -> tuple[str, ...]:
        """The parts that a layer of this kind has."""
        return f"{self.attention}.kv_a_proj_with_mqa", f"{self.attention}.kv_b_proj"


@dataclass(frozen=True)
class _Lacking:
    """A layer that lacks something, or has it in a way that cannot be read.

    Attributes:
        sign: What such a layer has: a module or parameter.
        why: For people, after "layer 3".
    """

    sign: str
    why: str

    @property
    def signs(self) -> tuple[str, ...]:
        """The parts that a layer of this kind has."""
        return (self.sign,)


class NoHeads(_Lacking):
    """A layer whose heads have no W_q and W_k of METHODS 2, or that has no heads."""


@dataclass(frozen=True)
class Dense:
    """A feed-forward network that every token uses.

    Attributes:
        down: The module of its down projection.
    """

    down: str = "mlp.down_proj"

    @property
    def signs(self) -> tuple[str, ...]:
        """The parts that a layer of this kind has."""
        return (self.down,)


@dataclass(frozen=True)
class Experts:
    """Routed experts, in memory one tensor, and perhaps one network that every token uses too.

    Attributes:
        down: The parameter with all their down projections.
        shared: Names that the down projection of a shared expert may have.
        stored: ``out_in``: [E, D, F]; ``in_out``: [E, F, D]; ``flat``: [E·F, D].
    """

    down: str = "mlp.experts.down_proj"
    shared: tuple[str, ...] = ("mlp.shared_experts.down_proj", "mlp.shared_expert.down_proj")
    stored: Stored = "out_in"

    @property
    def signs(self) -> tuple[str, ...]:
        """The parts that a layer of this kind has."""
        return (self.down,)


class NoNetwork(_Lacking):
    """A layer without a feed-forward network, or with one that cannot be read."""


Heads = Separate | Fused | Latent | NoHeads
Network = Dense | Experts | NoNetwork


@dataclass(frozen=True)
class Family:
    """One entry of the table.

    Attributes:
        norms: What may precede attention; the first that a layer has.
        heads: What a layer's attention may be.
        networks: What a layer's feed-forward network may be.
        layer: A layer's module, below the module of the text model; ``{layer}`` is its number,
            ``{half}`` and ``{twin}`` that number divided by two and the remainder.
        notes: Caveats, one sentence each, besides those that are seen from the model.
    """

    norms: tuple[Norm, ...] = (Norm(),)
    heads: tuple[Heads, ...] = (Separate(),)
    networks: tuple[Network, ...] = (Experts(), Dense())
    layer: str = "layers.{layer}."
    notes: tuple[str, ...] = ()
