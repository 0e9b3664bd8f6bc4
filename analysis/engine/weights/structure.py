"""An entry of the table held against a model's parts: what each layer is, and how wide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any, TypeVar

from transformers.pytorch_utils import Conv1D

from analysis.engine.weights.family import (
    NO_NORM,
    Dense,
    Experts,
    Family,
    Fused,
    Heads,
    Latent,
    Network,
    NoHeads,
    NoNetwork,
    Norm,
    Separate,
)
from analysis.problems import problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What the module of an attention, or one around it, calls the width of its heads.
_HEAD_DIM = ("head_dim", "head_size", "attention_head_size", "dim_head", "depth", "d_head")
_NUMBER = ("num_heads", "num_attention_heads", "n_heads", "n_head")
_SCALE = ("scalar_embed_scale", "embed_scale")

K = TypeVar("K", Separate | Fused | Latent | NoHeads, Dense | Experts | NoNetwork)


@dataclass(frozen=True)
class Layer:
    """One layer of a model.

    Attributes:
        norm: What precedes its attention; none for a layer without heads.
        heads: What its attention is.
        keys: The layer whose keys it uses: itself, but for layers that share them.
        query_heads: H; 0 for a layer without heads.
        key_heads: H_kv, likewise.
        head_dim: d, likewise.
        network: What its feed-forward network is.
        experts: Routed experts; 0 in a dense layer.
        shared: The module of a shared expert's down projection; empty if there is none.
        units: D_ff, of a routed expert if there are any; 0 without a network.
    """

    norm: Norm
    heads: Heads
    keys: int
    query_heads: int
    key_heads: int
    head_dim: int
    network: Network
    experts: int
    shared: str
    units: int


class Structure:
    """A model's parts by function.

    Args:
        model: Any device, meta too: no weight is looked at.
        family: Its entry.
        where: What errors call it.

    Raises:
        ProblemError: ``model`` when a layer is nothing that the entry lists.
    """

    def __init__(self, model: PreTrainedModel, family: Family, where: str) -> None:
        self._modules = dict(model.named_modules())
        self.shapes = {
            name: tuple(each.shape) for name, each in model.named_parameters(remove_duplicate=False)
        }
        self._config: Any = model.config.get_text_config()
        self._family, self._where = family, where
        self.input, self.output = self._ends(model)
        self.width = self.shapes[self.input][1]
        self.body = self._find_body()
        self.layers = tuple(
            self._layer(layer)
            for layer in takewhile(lambda layer: self._is_layer(self.body, layer), count())
        )

    @cached_property
    def embedding_scale(self) -> float:
        """What the embedding module multiplies its rows by."""
        module = self._modules[self.input.removesuffix(".weight")]
        scales = (getattr(module, name, None) for name in _SCALE)
        return next((float(scale) for scale in scales if isinstance(scale, (int, float))), 1.0)

    @property
    def output_bias(self) -> bool:
        """Whether the output head adds something for each token."""
        return self.output.removesuffix("weight") + "bias" in self.shapes

    def has(self, name: str) -> bool:
        """Whether there is a module or parameter of that name."""
        return name in self._modules or name in self.shapes

    def weight(self, module: str) -> str:
        """The parameter of a module; a parameter may also go by a module's name."""
        return module if module in self.shapes else f"{module}.weight"

    def in_by_out(self, module: str) -> bool:
        """Whether a module stores [in, out], as Conv1D does, where Linear stores [out, in]."""
        return isinstance(self._modules.get(module), Conv1D) or module in self.shapes

    def out(self, module: str) -> int:
        """How many numbers a module makes."""
        shape = self.shapes[self.weight(module)]
        size = 1
        for each in shape[1:] if self.in_by_out(module) else shape[:1]:
            size *= each
        return size

    def attribute(self, module: str, names: Sequence[str]) -> Any:
        """The first of some attributes that a module, or one around it, has; None for none."""
        while module:
            for name in names:
                found = getattr(self._modules.get(module), name, None)
                if isinstance(found, (int, float)):
                    return found
            module = module.rpartition(".")[0]
        return None

    def factor(self, settings: Sequence[str]) -> float:
        """The product of some settings."""
        product = 1.0
        for each in settings:
            product *= float(getattr(self._config, each))
        return product

    def _ends(self, model: PreTrainedModel) -> tuple[str, str]:
        names = {id(module): name for name, module in self._modules.items()}
        whole: Any = model
        ends = [whole.get_input_embeddings(), whole.get_output_embeddings()]
        first, last = (f"{names[id(each)]}.weight" for each in ends)
        return first, last

    def name(self, layer: int, part: str) -> str:
        """The full name of a part of a layer."""
        return self._name(self.body, layer, part)

    def _name(self, body: str, layer: int, part: str) -> str:
        places = {"layer": layer, "half": layer // 2, "twin": layer % 2}
        return body + (self._family.layer + part).format(**places)

    def _find_body(self) -> str:
        """What the names of the text model's parts begin with, embeddings and layers alike."""
        inside = self.input.split(".")
        for depth in range(len(inside) - 1, -1, -1):
            body = "".join(f"{part}." for part in inside[:depth])
            if self._is_layer(body, 0):
                return body
        raise self._unlike("its layers are not where they should be")

    def _is_layer(self, body: str, layer: int) -> bool:
        if self._family.layer and self._name(body, layer, "").rstrip(".") in self._modules:
            return True
        kinds = (*self._family.heads, *self._family.networks)
        return any(self._is(body, layer, each.signs) for each in kinds)

    def _is(self, body: str, layer: int, signs: Sequence[str]) -> bool:
        return all(self.has(self._name(body, layer, sign)) for sign in signs)

    def _layer(self, layer: int) -> Layer:
        heads = self._first(layer, self._family.heads, "attention")
        network = self._first(layer, self._family.networks, "feed-forward network")
        head_dim, query_heads, key_heads = self._sizes(layer, heads)
        experts, units, shared = 0, 0, ""
        if isinstance(network, Dense):
            units = self._into(self.name(layer, network.down))
        elif isinstance(network, Experts):
            experts, units = self._of_experts(self.name(layer, network.down), network)
            names = (self.name(layer, each) for each in network.shared)
            shared = next((name for name in names if self.has(name)), "")
        norm = NO_NORM if isinstance(heads, NoHeads) else self._norm(layer)
        keys = self._keys(layer, heads)
        return Layer(
            norm, heads, keys, query_heads, key_heads, head_dim, network, experts, shared, units
        )

    def _first(self, layer: int, kinds: Sequence[K], what: str) -> K:
        for kind in kinds:
            if self._is(self.body, layer, kind.signs):
                return kind
        raise self._unlike(f"the {what} of layer {layer} is of no known kind")

    def _norm(self, layer: int) -> Norm:
        for norm in self._family.norms:
            if norm.unless is not None and getattr(self._config, norm.unless[0]) == norm.unless[1]:
                continue
            if not norm.module or f"{self.name(layer, norm.module)}.weight" in self.shapes:
                return norm
        raise self._unlike(f"the norm of layer {layer} is not where it should be")

    def _sizes(self, layer: int, heads: Heads) -> tuple[int, int, int]:
        """d, H and H_kv of a layer."""
        if isinstance(heads, NoHeads):
            return 0, 0, 0
        if isinstance(heads, Latent):
            at = self.name(layer, heads.attention)
            own = int(self.attribute(at, ("qk_nope_head_dim",)))
            whole = own + int(self.attribute(at, ("qk_rope_head_dim",)))
            query = f"{at}.q_b_proj" if self.has(f"{at}.q_b_proj") else f"{at}.q_proj"
            number = self._share(self.out(query), whole, query)
            return own, number, number
        module = self.name(layer, heads.signs[0])
        d = int(self.attribute(module, _HEAD_DIM) or self._head_dim())
        if isinstance(heads, Separate):
            number = self._share(self.out(module), 2 * d if heads.gated else d, module)
            key = self.name(self._keys(layer, heads), heads.key)
            return d, number, self._share(self.out(key), d, key)
        number = int(self.attribute(module, _NUMBER) or self._config.num_attention_heads)
        return d, number, self._share(self.out(module) - number * d, 2 * d, module)

    def _keys(self, layer: int, heads: Heads) -> int:
        """The last layer before that keeps its keys for later layers of its kind."""
        if not (isinstance(heads, Separate) and heads.shares_keys):
            return layer
        around = heads.query.rpartition(".")[0]
        kind = getattr(self._modules[self.name(layer, around)], "layer_type", None)
        for earlier in range(layer - 1, -1, -1):
            attention: Any = self._modules[self.name(earlier, around)]
            if getattr(attention, "store_full_length_kv", False) and attention.layer_type == kind:
                return earlier
        raise self._unlike(f"no layer keeps the keys that layer {layer} uses")

    def _head_dim(self) -> int:
        return int(self._config.hidden_size // self._config.num_attention_heads)

    def _share(self, whole: int, part: int, module: str) -> int:
        if whole <= 0 or whole % part:
            raise self._unlike(f"{module} makes no whole number of heads of {part}")
        return whole // part

    def _into(self, module: str) -> int:
        """How many numbers a module takes."""
        shape = self.shapes[self.weight(module)]
        return shape[0] if self.in_by_out(module) else shape[1]

    def _of_experts(self, name: str, network: Experts) -> tuple[int, int]:
        """E and F."""
        shape = self.shapes[self.weight(name)]
        if network.stored == "flat":
            number = int(self.attribute(name, ("num_experts", "moe_num_experts")))
            return number, shape[0] // number
        return shape[0], shape[2] if network.stored == "out_in" else shape[1]

    def _unlike(self, what: str) -> Exception:
        return problem(
            "model",
            f"The weights of {self._where} cannot be taken apart: {what}.",
            f"Its family, {self._config.model_type!r}, is known here in another form.",
            "Choose another model; what needs no single weights works with any.",
        )
