"""Every stored tensor of a layer by what it does, whatever its family calls it.

Heads and networks need a family's adapter to be taken apart; a tensor as a whole needs only its
name. What has no known name is listed under its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from analysis.engine.weights.adapter import ModelWeights

Side = Literal["reads", "writes", ""]


class _Role(NamedTuple):
    """What a module is, by the last parts of its name."""

    name: str
    side: Side
    modules: str


_ROLES = (
    _Role("query", "reads", "q_proj attention.self.query"),
    _Role("key", "reads", "k_proj attention.self.key"),
    _Role("value", "reads", "v_proj attention.self.value"),
    _Role("query_key_value", "reads", "qkv_proj c_attn query_key_value Wqkv"),
    _Role("output", "writes", "o_proj out_proj attn.c_proj attention.dense self_attention.dense"),
    _Role("output", "writes", "self_attn.dense attn.dense attn.Wo attention.output.dense"),
    _Role("router", "reads", "mlp.gate block_sparse_moe.gate feed_forward.gate router"),
    _Role("router", "reads", "mlp.router router.layer"),
    _Role("gate", "reads", "gate_proj w1"),
    _Role("up", "reads", "up_proj w3 c_fc fc_in fc1 dense_h_to_4h intermediate.dense"),
    _Role("gate_up", "reads", "gate_up_proj"),
    _Role("down", "writes", "down_proj w2 mlp.c_proj fc_out fc2 dense_4h_to_h output.dense"),
)
_ENDS = (
    _Role("embeddings", "writes", "embed_tokens wte embed_in word_embeddings"),
    _Role("head", "reads", "lm_head embed_out"),
    _Role("positions", "writes", "wpe embed_positions"),
)
_EXPERT = re.compile(r"(.*experts)\.\d+\.(.+)")
_SHARED = re.compile(r"shared_(expert|experts|mlp)\.")
# What old checkpoints store besides their weights.
_NO_WEIGHTS = re.compile(r"(inv_freq|masked_bias)$")


@dataclass(frozen=True)
class WeightTensor:
    """A stored tensor, or the same tensor of every expert of a layer.

    Attributes:
        role: What it is, such as ``query`` or ``experts.down``; its own name if that is not known.
        names: Its name in the files; of experts stored apart, one each, in order.
        shape: As stored, of each.
        stacked: It holds one matrix an expert along its first dimension.
        out_by_in: A matrix is stored as [out, in].
        side: Whether its inputs are the residual stream's (``reads``) or its outputs
            (``writes``), D of them; empty if neither is known.
        words: The embeddings of the tokens that its side is compared with.
    """

    role: str
    names: tuple[str, ...]
    shape: tuple[int, ...]
    stacked: bool = False
    out_by_in: bool = True
    side: Side = ""
    words: Literal["input", "output"] = "input"

    @property
    def is_matrix(self) -> bool:
        """Whether it has singular values: it is a matrix, or one an expert."""
        biases = self.names[0].endswith("bias")
        return not biases and len(self.shape) == (3 if self.stacked else 2)

    @property
    def experts(self) -> int:
        """How many experts' matrices it stands for; 0 if it is not one of experts."""
        return self.shape[0] if self.stacked else len(self.names) * self.role.startswith("experts.")

    @property
    def in_out(self) -> tuple[int, ...]:
        """[in, out] of one matrix; the shape of anything else."""
        if not self.is_matrix:
            return self.shape
        first, last = self.shape[-2:]
        return (last, first) if self.out_by_in else (first, last)


def matrices(weights: ModelWeights, layer: int) -> list[WeightTensor]:
    """Everything stored of a layer, matrices first, in the order in which a token meets them.

    Raises IndexError if there is no such layer.
    """
    within = f"{weights.layer_module(layer)}."
    names = (name for name in weights.tensors.names() if name.startswith(within))
    return _listed(weights, names, within, _ROLES)


def outside_layers(weights: ModelWeights) -> list[WeightTensor]:
    """Everything of the language model stored outside its layers: embeddings, head, norms."""
    stack = weights.layer_module(0).removesuffix("0")
    body = stack.rpartition(".")[0].rpartition(".")[0]
    body = f"{body}." if body else ""

    def belongs(name: str) -> bool:
        if name.startswith(stack) and name.removeprefix(stack)[:1].isdigit():
            return False
        return name.startswith(body) or _role_of(_module(name), _ENDS[1:2]) is not None

    return _listed(weights, filter(belongs, weights.tensors.names()), body, _ENDS)


def _listed(
    weights: ModelWeights, names: Iterable[str], within: str, roles: tuple[_Role, ...]
) -> list[WeightTensor]:
    found: dict[str, list[str]] = {}
    for name in names:
        if _NO_WEIGHTS.search(name) is None:
            own = _EXPERT.sub(r"\1.\2", name.removeprefix(within))
            found.setdefault(own, []).append(name)
    listed = [_tensor(weights, own, stored, roles) for own, stored in found.items()]
    listed = [each for each in listed if 0 < len(each.shape) <= 3]
    # Two of one role in a layer, as with cross-attention, keep their own names.
    roles_of = [each.role for each in listed]
    listed = [
        each if roles_of.count(each.role) == 1 else replace(each, role=_own(each, within))
        for each in listed
    ]
    for stacked in (False, True):
        alike = [each for each in listed if each.stacked == stacked]
        if any(_says_in_by_out(each, weights.width) for each in alike):
            listed = [_in_by_out(each) if each in alike else each for each in listed]
    order = {role.name: place for place, role in enumerate(roles)}
    return sorted(
        (_sided(each, weights.width) for each in listed),
        key=lambda each: (
            not each.is_matrix,
            each.role.startswith(("shared.", "experts.")),
            order.get(each.role.rpartition(".")[2], len(order)),
        ),
    )


def _tensor(
    weights: ModelWeights, own: str, names: list[str], roles: tuple[_Role, ...]
) -> WeightTensor:
    shape, module = weights.tensors.shape(names[0]), _module(own)
    role = _role_of(module, roles)
    routed = "experts." in own and not _SHARED.search(own)
    is_bias = own.endswith("bias")
    name = module if role is None else role.name
    if role is not None and routed:
        name = f"experts.{name}"
    elif role is not None and _SHARED.search(own):
        name = f"shared.{name}"
    stacked = routed and len(names) == 1 and len(shape) == (2 if is_bias else 3)
    described = WeightTensor(f"{name}.bias" if is_bias else name, tuple(names), shape, stacked)
    if role is None or is_bias or not described.is_matrix:
        return described
    out_by_in = _stored(role, shape[-2:], weights.width)
    # What an embedding writes are its own rows; what other matrices read came from there.
    through: Literal["input", "output"] = (
        "output" if (role.side == "writes") != (role in _ENDS) else "input"
    )
    return replace(described, out_by_in=out_by_in, side=role.side, words=through)


def _module(name: str) -> str:
    return name.removesuffix(".weight").removesuffix(".bias")


def _own(tensor: WeightTensor, within: str) -> str:
    own = tensor.names[0].removeprefix(within)
    return _EXPERT.sub(r"\1.\2", own).removesuffix(".weight")


def _role_of(module: str, roles: tuple[_Role, ...]) -> _Role | None:
    return next(
        (
            role
            for role in roles
            for known in role.modules.split()
            if module == known or module.endswith(f".{known}")
        ),
        None,
    )


def _stored(role: _Role, shape: tuple[int, ...], width: int) -> bool:
    """Whether it is stored as [out, in], which its longer side tells unless it is square."""
    if role.name in ("embeddings", "positions"):
        return False
    first, last = shape
    if first == last:
        return True
    return (last if role.side == "reads" else first) == width


def _in_by_out(tensor: WeightTensor) -> WeightTensor:
    """Stored as its layer's others are, where its own shape does not tell."""
    own = tensor.is_matrix and (_is_square(tensor) or not tensor.side)
    return replace(tensor, out_by_in=False) if own else tensor


def _is_square(tensor: WeightTensor) -> bool:
    return tensor.is_matrix and tensor.shape[-1] == tensor.shape[-2]


def _says_in_by_out(tensor: WeightTensor, width: int) -> bool:
    """Whether a layer's tensor shows that it stores [in, out], as GPT-2's do."""
    known = (
        bool(tensor.side) and tensor.is_matrix and tensor.role not in ("embeddings", "positions")
    )
    return known and not _is_square(tensor) and not tensor.out_by_in and width in tensor.shape


def _sided(tensor: WeightTensor, width: int) -> WeightTensor:
    """Without a side if what it reads or writes is not as wide as the residual stream."""
    if not tensor.side:
        return tensor
    inputs, outputs = tensor.in_out
    own = inputs if tensor.side == "reads" else outputs
    return tensor if own == width else replace(tensor, side="")
