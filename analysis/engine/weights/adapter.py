"""A model's weights by function: embeddings, queries and keys, down projections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from analysis.engine.weights.adapter_file import LowRank
from analysis.engine.weights.as_loaded import AsLoaded
from analysis.engine.weights.family import (
    Dense,
    Experts,
    Family,
    Latent,
    NoHeads,
    NoNetwork,
    PreNorm,
)
from analysis.engine.weights.projections import QueryKey, Reader, query_key
from analysis.engine.weights.structure import Layer, Structure
from analysis.engine.weights.tensors import TensorSource
from analysis.problems import ProblemError, problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Norms of queries and keys, whatever a family calls them.
_QUERY_NORMS = ("q_norm", "q_layernorm", "query_layernorm", "qk_norm")


class Without(NamedTuple):
    """A layer that lacks something, and why, after "layer 3"."""

    layer: int
    why: str


class ModelWeights:
    """One model's weights, read tensor by tensor as its family's entry says.

    Every tensor returned is new, float32 and on the CPU; it may be a transposed view. What is said
    of heads and widths is of the first layer that has any; `layer_heads` and `units_in` say it of
    each.

    Attributes:
        family: The transformers ``model_type`` of the text model.
        where: The folder or class it is read from.
        layers: L.
        heads: H; 0 in a model without attention heads.
        key_value_heads: H_kv, a divisor of H.
        head_dim: d, not always D / H; in latent attention of the part without rotation.
        width: D, of the residual stream.
        feed_forward: D_ff; with experts, of a routed one.
        experts: Routed experts in a layer that has any; 0 in a dense model.
        shared_experts: 1 if a shared expert accompanies the routed ones, else 0.
        vocabulary: V, rows of the input embeddings.
        pre_norm: What precedes attention: RMSNorm, LayerNorm, or nothing (post-norm models).
    """

    def __init__(self, entry: Family, model: PreTrainedModel, tensors: TensorSource) -> None:
        self._entry, self._tensors = entry, tensors
        self._config = model.config.get_text_config()
        self.where = tensors.where
        self.family = str(self._config.model_type)
        self._structure = structure = Structure(model, entry, tensors.where)
        self._reader = Reader(tensors, structure.shapes, self.family)
        every = structure.layers
        attending = next((each for each in every if each.query_heads), every[0])
        routed = next((each for each in every if each.experts), None)
        wide = routed or next((each for each in every if each.units), every[0])
        self.layers = len(every)
        self.heads, self.key_value_heads = attending.query_heads, attending.key_heads
        self.head_dim = attending.head_dim
        self.width = structure.width
        self.feed_forward = wide.units
        self.experts = routed.experts if routed else 0
        self.shared_experts = int(any(each.shared for each in every))
        # The first layer may lack a norm that the others have: the embeddings had one.
        self.pre_norm: PreNorm = next(
            (each.norm.kind for each in reversed(every) if each.query_heads), "none"
        )
        if structure.input not in tensors:
            raise self._reader.missing(structure.input)
        self.vocabulary = tensors.shape(structure.input)[0]

    @property
    def tensors(self) -> TensorSource:
        """Everything that is stored, by name."""
        return self._tensors

    def low_rank(self, name: str) -> LowRank | None:
        """A LoRA adapter's change of a tensor as a product; None for any other change, or none."""
        return self._tensors.low_rank(name) if isinstance(self._tensors, AsLoaded) else None

    @property
    def centres_embeddings(self) -> bool:
        """Whether an embedding's mean is subtracted before it meets W_q and W_k."""
        return self.pre_norm == "layer"

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats about these weights, one sentence each."""
        return (*self._tensors.notes, *self._seen(), *self._entry.notes)

    @property
    def without_heads(self) -> tuple[Without, ...]:
        """The layers that have no heads to be read."""
        return tuple(
            Without(number, layer.heads.why)
            for number, layer in enumerate(self._structure.layers)
            if isinstance(layer.heads, NoHeads)
        )

    @property
    def without_network(self) -> tuple[Without, ...]:
        """The layers that have no feed-forward network to be read."""
        return tuple(
            Without(number, layer.network.why)
            for number, layer in enumerate(self._structure.layers)
            if isinstance(layer.network, NoNetwork)
        )

    def heads_in(self, layer: int) -> int:
        """H of one layer; 0 if it has no heads to be read."""
        return self._layer(layer).query_heads

    def keys_of(self, layer: int) -> int:
        """The layer whose keys a layer uses: itself, unless it has none of its own."""
        return self._layer(layer).keys

    def pre_norm_in(self, layer: int) -> PreNorm:
        """What precedes the attention of one layer."""
        return self._layer(layer).norm.kind

    def units_in(self, layer: int) -> int:
        """D_ff of one layer, of a routed expert if it has any; 0 without a feed-forward network."""
        return self._layer(layer).units

    def input_embeddings(self, tokens: Tensor | None = None) -> Tensor:
        """E_i as the embedding module returns it, before any positional embedding, float32 [V, D].

        With `tokens`, int64 [n], only their rows are read: float32 [n, D].
        """
        rows = self._reader.rows(self._structure.input, self.width, tokens)
        scale = self._structure.embedding_scale
        return rows if scale == 1.0 else rows.mul_(scale)

    def output_embeddings(self, tokens: Tensor | None = None) -> Tensor:
        """E_o, the rows of the output head or of the input embeddings tied to it, float32 [V, D].

        With `tokens`, int64 [n], only their rows are read: float32 [n, D].
        """
        return self._reader.rows(self._structure.output, self.width, tokens)

    def query_key(self, layer: int) -> QueryKey:
        """W_q and W_k of every head of a layer, the pre-attention norm folded in (METHODS 2).

        Raises ProblemError ``input`` for a layer without heads, ``model`` when a tensor is missing
        or of another shape.
        """
        what = self._layer(layer)
        if isinstance(what.heads, NoHeads):
            raise problem(
                "input",
                f"Layer {layer} of {self.where} has no attention heads to be read.",
                f"It {what.heads.why}.",
                "Choose another layer.",
            )
        return query_key(layer, what, self._structure, self._reader)

    def down_projection(self, layer: int) -> Tensor:
        """W_p of a dense layer, one whose `experts_in` is 0: what each feed-forward unit writes.

        Returns:
            float32 [D_ff, D].

        Raises:
            ValueError: The layer consists of experts.
            ProblemError: ``input`` for a layer without a feed-forward network; ``model`` when the
                tensor is missing or of another shape.
        """
        network = self._layer(layer).network
        if isinstance(network, NoNetwork):
            raise self._no_network(layer, network)
        if isinstance(network, Experts):
            raise ValueError(f"layer {layer} consists of experts")
        return self._down(self._structure.name(layer, network.down))

    def experts_in(self, layer: int) -> int:
        """Number of experts in a layer, including a shared one, which is last; 0 when dense."""
        what = self._layer(layer)
        return what.experts + bool(what.shared)

    def expert_down_projection(self, layer: int, expert: int) -> Tensor:
        """W_p of an expert from 0 to `experts_in` - 1; number `experts` is the shared one.

        Returns:
            float32 [D_ff, D]; a shared expert's D_ff may differ from the routed ones'.

        Raises:
            IndexError: There is no such expert.
            ProblemError: ``model`` when the tensor is missing or of another shape.
        """
        what = self._layer(layer)
        if not 0 <= expert < self.experts_in(layer):
            raise IndexError(f"layer {layer} has no expert {expert}")
        if expert == what.experts:
            return self._down(what.shared)
        assert isinstance(what.network, Experts)
        name = self._structure.weight(self._structure.name(layer, what.network.down))
        if what.network.stored == "flat":
            return self._reader.read(name).reshape(what.experts, what.units, -1)[expert]
        rows = self._reader.read(name, expert)
        return rows.T if what.network.stored == "out_in" else rows

    def layer_module(self, layer: int) -> str:
        """The module of a layer, as a loaded model calls it."""
        self._layer(layer)
        return self._structure.name(layer, "").removesuffix(".")

    def attention_module(self, layer: int) -> str:
        """The module around a layer's queries; empty for a layer without heads to be read."""
        heads = self._layer(layer).heads
        if isinstance(heads, NoHeads):
            return ""
        if isinstance(heads, Latent):
            return self._structure.name(layer, heads.attention)
        return self._structure.name(layer, heads.signs[0]).rpartition(".")[0]

    def down_module(self, layer: int) -> str:
        """The module of the down projection that every token of a layer uses; empty for none."""
        what = self._layer(layer)
        if isinstance(what.network, Dense):
            return self._structure.name(layer, what.network.down)
        return what.shared

    def expert_module(self, layer: int) -> str:
        """The module of a layer's routed experts; empty if it has none."""
        network = self._layer(layer).network
        if not isinstance(network, Experts):
            return ""
        return self._structure.name(layer, network.down).rpartition(".")[0]

    def _down(self, module: str) -> Tensor:
        weight = self._reader.read(self._structure.weight(module))
        if weight.dim() == 3:
            # Several shared experts that the family calls one.
            return weight.transpose(1, 2).flatten(0, 1)
        return weight if self._structure.in_by_out(module) else weight.T

    def _layer(self, layer: int) -> Layer:
        if not 0 <= layer < self.layers:
            raise IndexError(f"there is no layer {layer}, only 0 to {self.layers - 1}")
        return self._structure.layers[layer]

    def _seen(self) -> Iterator[str]:
        """Caveats that can be seen from the parts that the model has."""
        attending = [each for each in self._structure.layers if each.query_heads]
        kinds = {type(each.heads).__name__ for each in attending}
        if any(each.norm.kind == "none" for each in attending):
            yield "No norm comes before attention, so none is folded into W_q and W_k."
        if any(each.keys != number for number, each in enumerate(self._structure.layers)):
            yield "Layers without keys of their own use those of an earlier layer, as in the model."
        if "Latent" in kinds:
            yield (
                "Queries and keys are made by way of a narrow space: the weight of the norm in "
                "between is folded in and its division left out, as is the part that is rotated."
            )
        if attending and self._norms_queries():
            yield "Norms of queries and keys are left out: they cannot be folded."
        clip = getattr(self._config, "clip_qkv", None) or getattr(
            getattr(self._config, "attn_config", None), "clip_qkv", None
        )
        if clip:
            yield f"Clipping of queries and keys to ±{clip:g} is left out."
        if self.shared_experts:
            yield f"Expert {self.experts} is the shared one, which sees every token."
        if self._structure.output_bias:
            yield "The bias of the output head is left out of E_o."

    def _norms_queries(self) -> bool:
        return any(
            self._structure.has(f"{around}.{norm}")
            for number, layer in enumerate(self._structure.layers)
            if layer.query_heads
            for around in [self._structure.name(number, layer.heads.signs[0]).rpartition(".")[0]]
            for norm in _QUERY_NORMS
        )

    def _no_network(self, layer: int, network: NoNetwork) -> ProblemError:
        return problem(
            "input",
            f"Layer {layer} of {self.where} has no feed-forward network to be read.",
            f"It {network.why}.",
            "Choose another layer.",
        )
