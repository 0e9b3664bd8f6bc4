"""The interface of every weight adapter: embeddings, queries and keys, down projections."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from torch import Tensor
from transformers import PreTrainedConfig

from analysis.engine.weights.tensors import TensorSource
from analysis.problems import ProblemError, problem

PreNorm = Literal["rms", "layer", "none"]


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


class ModelWeights:
    """One model's weights, read tensor by tensor, in Llama's layout unless overridden.

    Every tensor returned is new, float32 and on the CPU; it may be a transposed view.

    Attributes:
        family: The transformers ``model_type`` of the text model.
        where: The folder or class it is read from.
        layers: L.
        heads: H.
        key_value_heads: H_kv, a divisor of H.
        head_dim: d, not always D / H.
        width: D, of the residual stream.
        feed_forward: D_ff; with experts, of a routed one.
        experts: Routed experts in a layer that has any; 0 in a dense model.
        shared_experts: 1 if a shared expert accompanies the routed ones, else 0.
        vocabulary: V, rows of the input embeddings.
        pre_norm: What precedes attention: RMSNorm, LayerNorm, or nothing (post-norm models).
    """

    pre_norm: ClassVar[PreNorm] = "rms"
    shared_experts: ClassVar[int] = 0

    _bodies: ClassVar[tuple[str, ...]] = (
        "model.",
        "model.language_model.",
        "language_model.model.",
        "",
    )
    _output_heads: ClassVar[tuple[str, ...]] = ("lm_head.weight", "language_model.lm_head.weight")
    _embedding: ClassVar[str] = "embed_tokens.weight"
    _stack: ClassVar[str] = "layers"
    _norm: ClassVar[str] = "input_layernorm"
    # Two modules, or one that makes the values too.
    _query_key: ClassVar[tuple[str, ...]] = ("self_attn.q_proj", "self_attn.k_proj")
    _down: ClassVar[str] = "mlp.down_proj"
    # Linear layers store [out, in], Conv1D [in, out].
    _stored_out_by_in: ClassVar[bool] = True

    def __init__(self, config: PreTrainedConfig, tensors: TensorSource) -> None:
        text = config.get_text_config()
        self._config, self._tensors = text, tensors
        self.where = tensors.where
        self.family = str(text.model_type)
        self.layers = int(text.num_hidden_layers)
        self.heads = int(text.num_attention_heads)
        self.key_value_heads = int(getattr(text, "num_key_value_heads", None) or self.heads)
        self.width = int(text.hidden_size)
        self.head_dim = int(getattr(text, "head_dim", None) or self.width // self.heads)
        self.feed_forward = self._feed_forward()
        self.experts = self._experts()
        self._body = self._find_body()
        # A multimodal model ties its embeddings by its own flag, not its text model's.
        self._input, self._output = self._find_ends(tied=bool(config.tie_word_embeddings))
        self.vocabulary = tensors.shape(self._input)[0]

    @property
    def tensors(self) -> TensorSource:
        """Everything that is stored, by name."""
        return self._tensors

    @property
    def centres_embeddings(self) -> bool:
        """Whether an embedding's mean is subtracted before it meets W_q and W_k."""
        return self.pre_norm == "layer"

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats about these weights, one sentence each."""
        notes = []
        if self.pre_norm == "none":
            notes.append("No norm comes before attention, so none is folded into W_q and W_k.")
        if self._name(0, "self_attn.q_norm.weight") in self._tensors:
            notes.append("Norms of queries and keys are left out: they cannot be folded.")
        return tuple(notes)

    def input_embeddings(self, tokens: Tensor | None = None) -> Tensor:
        """E_i as the embedding module returns it, before any positional embedding, float32 [V, D].

        With `tokens`, int64 [n], only their rows are read: float32 [n, D].
        """
        return self._read(self._input, (self.vocabulary, self.width), tokens)

    def output_embeddings(self, tokens: Tensor | None = None) -> Tensor:
        """E_o, the rows of the output head or of the input embeddings tied to it, float32 [V, D].

        With `tokens`, int64 [n], only their rows are read: float32 [n, D].
        """
        return self._read(self._output, (self.vocabulary, self.width), tokens)

    def query_key(self, layer: int) -> QueryKey:
        """W_q and W_k of every head of a layer, the pre-attention norm folded in (METHODS 2).

        Raises ProblemError ``model`` when a tensor is missing or of another shape.
        """
        found = self._projections(layer)
        if self.pre_norm == "none":
            return found
        norm = f"{self._name(layer, self._norm)}.weight"
        weight = self._norm_weight(self._read(norm, (self.width,)))[:, None]
        return replace(found, w_q=weight * found.w_q, w_k=weight * found.w_k)

    def down_projection(self, layer: int) -> Tensor:
        """W_p of a dense layer, one whose `experts_in` is 0: what each feed-forward unit writes.

        Returns:
            float32 [D_ff, D].

        Raises:
            ValueError: The layer consists of experts.
            ProblemError: ``model`` when the tensor is missing or of another shape.
        """
        return self._matrix(self._name(layer, self._down), self.feed_forward, self.width)

    def experts_in(self, layer: int) -> int:
        """Number of experts in a layer, including a shared one, which is last; 0 when dense."""
        return 0

    def expert_down_projection(self, layer: int, expert: int) -> Tensor:
        """W_p of an expert from 0 to `experts_in` - 1; number `experts` is the shared one.

        Returns:
            float32 [D_ff, D]; a shared expert's D_ff may differ from the routed ones'.

        Raises:
            IndexError: There is no such expert.
            ProblemError: ``model`` when the tensor is missing or of another shape.
        """
        raise IndexError(f"layer {layer} has no expert {expert}")

    def layer_module(self, layer: int) -> str:
        return self._name(layer, "").removesuffix(".")

    def _split(self, projected: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Separate queries and keys, [..., H·d] and [..., H_kv·d], of each module's [..., out]."""
        query, key = projected
        return query, key

    def _projections(self, layer: int) -> QueryKey:
        """W_q and W_k without the norm folded in."""
        query, key = self.heads * self.head_dim, self.key_value_heads * self.head_dim
        outs = (query, key) if len(self._query_key) == 2 else (query + 2 * key,)
        w_q, w_k = self._split(
            tuple(
                self._matrix(self._name(layer, module), self.width, out)
                for module, out in zip(self._query_key, outs, strict=True)
            )
        )
        return QueryKey(w_q, w_k, self.head_dim)

    def _feed_forward(self) -> int:
        return int(self._config.intermediate_size)

    def _experts(self) -> int:
        return 0

    def _norm_weight(self, stored: Tensor) -> Tensor:
        return stored

    def _name(self, layer: int, part: str) -> str:
        if not 0 <= layer < self.layers:
            raise IndexError(f"there is no layer {layer}, only 0 to {self.layers - 1}")
        return f"{self._body}{self._stack}.{layer}.{part}"

    def _matrix(self, module: str, rows: int, columns: int) -> Tensor:
        """A module's weight as [in, out], applied from the right."""
        if self._stored_out_by_in:
            return self._read(f"{module}.weight", (columns, rows)).T
        return self._read(f"{module}.weight", (rows, columns))

    def _read(self, name: str, shape: tuple[int, ...], index: int | Tensor | None = None) -> Tensor:
        if name not in self._tensors:
            raise self._missing(name)
        if self._tensors.shape(name) != shape:
            raise problem(
                "model",
                f"The tensor {name} of {self.where} has another shape than its configuration "
                "implies.",
                f"It is {list(self._tensors.shape(name))}, not {list(shape)}.",
                "Fetch the model's files again, config.json included.",
            )
        return self._tensors.read(name, index)

    def _find_body(self) -> str:
        """The prefix of every name, which differs in old and multimodal checkpoints."""
        landmarks = (self._embedding, f"{self._stack}.0.{self._query_key[0]}.weight")
        for body in self._bodies:
            if any(body + landmark in self._tensors for landmark in landmarks):
                return body
        raise self._missing(self._bodies[0] + self._embedding)

    def _find_ends(self, *, tied: bool) -> tuple[str, str]:
        """The tensors of the input embeddings and of the output head.

        transformers ties only what is not stored: of two stored tensors it uses each in its place,
        whatever the configuration says; one alone serves as both.
        """
        embedding = self._body + self._embedding
        heads = [name for name in self._output_heads if name in self._tensors]
        if embedding not in self._tensors:
            if not (tied and heads):
                raise self._missing(embedding)
            return heads[0], heads[0]
        if heads:
            return embedding, heads[0]
        return embedding, embedding if tied else self._output_heads[0]

    def _missing(self, name: str) -> ProblemError:
        return problem(
            "model",
            f"{self.where} lacks the tensor {name}.",
            f"A model of the family {self.family} should have it.",
            "Fetch the model's files again, or load the model to see what transformers says.",
        )
