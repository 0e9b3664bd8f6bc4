"""What the engine answers: frozen structures of numpy arrays and strings, each with its table."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.status import ModelFacts as ModelFacts
from analysis.task_sets.task_set import ClusterTask
from analysis.tokens import Span as Span
from analysis.tokens import Tokens as Tokens


class Attribution(msgspec.Struct, frozen=True, tag="attribution"):
    """Importance I[n, m] of prompt token n for response token m (METHODS 1).

    Attributes:
        model: The model's name as the user knows it.
        prompt: The user's text.
        prompt_tokens: All tokens the model was given, template and special tokens included.
        response_tokens: The response without its end token; their spans lie in the response text.
        importance: float32 [N, M], signed; NaN where not computed yet.
        target: What was differentiated.
        method: The algorithm that ran.
        device: Where it ran.
        dtype: Precision of the weights it ran on.
        ended: ``end`` when the model ended the response, ``length`` when the limit did, ``given``
            when the response was the user's, ``running`` while it is still being written.
        seconds: Time the attribution took, generation and loading excluded.
        response: The response as text; U+FFFD stands for bytes that make no character.
        passes_dtype: Precision that the passes of the method ran in; empty until they ran.
        note: What the user should know of how it was computed, such as a method that the model
            cannot do; empty for nothing.
        totals: float32 [N], Σ_m I[n, m]. Of a gradient they are there before the map, from one
            backward pass; NaN until then.
        difference: How far weighted sums of the map's columns are at most from what a backward pass
            says they are, as a share of the largest; None where nothing was compared, as for
            occlusion.
    """

    model: str
    prompt: str
    prompt_tokens: Tokens
    response_tokens: Tokens
    importance: NDArray[np.float32]
    target: str
    method: str
    device: str
    dtype: str
    ended: Literal["end", "length", "given", "running"]
    seconds: float
    response: str = ""
    passes_dtype: str = ""
    note: str = ""
    totals: NDArray[np.float32] = msgspec.field(default_factory=lambda: np.zeros(0, np.float32))
    difference: float | None = None


class Architecture(msgspec.Struct, frozen=True, tag="architecture"):
    """What a model is built of, as far as its weights can be read one by one.

    Attributes:
        model: The model's name.
        family: The configuration's ``model_type``.
        layers: L.
        heads: H, query heads of a layer.
        key_value_heads: Key heads of a layer.
        head_dim: d, the width of a head.
        width: D.
        feed_forward: D_ff, of one expert where there are several.
        experts: Number of experts of a layer, a shared one included; 0 in a dense model.
        notes: What cannot be read off the weights alone, in words.
        dense_layers: The layers of a mixture that have no experts.
    """

    model: str
    family: str
    layers: int
    heads: int
    key_value_heads: int
    head_dim: int
    width: int
    feed_forward: int
    experts: int
    notes: tuple[str, ...] = ()
    dense_layers: tuple[int, ...] = ()

    def experts_in(self, layer: int) -> tuple[int, ...]:
        """The experts of a layer by number; -1 alone where there are none."""
        if not self.experts or layer in self.dense_layers:
            return (-1,)
        return tuple(range(self.experts))

    def is_built_like(self, other: Architecture) -> bool:
        """Whether heads and layers of the two can be compared one by one."""
        return msgspec.structs.replace(self, model="", notes=()) == msgspec.structs.replace(
            other, model="", notes=()
        )

    def shape(self) -> str:
        """Its shape in words."""
        parts = [
            f"{self.family} with {self.layers} layers of {self.heads} heads of {self.head_dim}",
            f"width {self.width}",
            f"feed-forward width {self.feed_forward}",
        ]
        return ", ".join([*parts, f"{self.experts} experts"] if self.experts else parts)


class HeadPairs(msgspec.Struct, frozen=True, tag="head_pairs"):
    """The word pairs of every head of a layer, those found by more than one neuron pair.

    Attributes:
        model: The model's name.
        layer: From 0.
        heads: H.
        words: The words that occur, as they are written.
        first: int32 [P], index of the query's word.
        second: int32 [P], index of the key's word.
        count: int32 [P], number of neuron pairs that found it; falling within a head.
        starts: int64 [H + 1]; the pairs of head h stand at ``starts[h]:starts[h + 1]``.
        neuron_pairs: d, neuron pairs of a head.
        vocabulary: Number of words that were looked at: with a vector and with tokens.
        notes: What the user should know, in words.
        seconds: Time it took.
        device: Where it was computed.
    """

    model: str
    layer: int
    heads: int
    words: tuple[str, ...]
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    count: NDArray[np.int32]
    starts: NDArray[np.int64]
    neuron_pairs: int
    vocabulary: int
    notes: tuple[str, ...]
    seconds: float
    device: str = ""


class NeuronPairs(msgspec.Struct, frozen=True, tag="neuron_pairs"):
    """The word pairs of every neuron pair of one head, by falling q · k.

    Attributes:
        model: The model's name.
        layer: From 0.
        head: From 0.
        words: The words that occur.
        first: int32 [P], index of the query's word.
        second: int32 [P], index of the key's word.
        score: float32 [P], q · k; falling within a neuron pair.
        starts: int64 [d + 1]; the pairs of neuron pair i stand at ``starts[i]:starts[i + 1]``.
        notes: What the user should know, in words.
    """

    model: str
    layer: int
    head: int
    words: tuple[str, ...]
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    score: NDArray[np.float32]
    starts: NDArray[np.int64]
    notes: tuple[str, ...]


class Components(msgspec.Struct, frozen=True):
    """The principal components of one model's layer, by falling explained variance.

    Attributes:
        model: The model's name.
        explained_variance: float64 [R], share of the whole variance.
        words: The words that occur, as they are written.
        word_indices: int32 [R, K], indices into `words`, by falling measure.
        measures: float32 [R, K], signed cosine, or projection, of word and direction.
    """

    model: str
    explained_variance: NDArray[np.float64]
    words: tuple[str, ...]
    word_indices: NDArray[np.int32]
    measures: NDArray[np.float32]


class LayerConcepts(msgspec.Struct, frozen=True, tag="concepts"):
    """The components of a layer in both models, and how tuning turned them (METHODS 3).

    Attributes:
        layer: From 0.
        expert: From 0; -1 in a dense model.
        base: The base model's components.
        tuned: The tuned model's.
        matched: int32 [R], the tuned component that goes with each base component.
        angles: float64 [R], degrees between matched components, 0 to 90.
        subspace_angles: float64 [R], principal angles in degrees between the spaces, falling.
        notes: What the user should know, in words.
        seconds: Time it took.
        device: Where both models' components were computed.
    """

    layer: int
    expert: int
    base: Components
    tuned: Components
    matched: NDArray[np.int32]
    angles: NDArray[np.float64]
    subspace_angles: NDArray[np.float64]
    notes: tuple[str, ...]
    seconds: float
    device: str = ""


class TaskClusters(msgspec.Struct, frozen=True, tag="clusters"):
    """How the hidden states of every layer cluster (METHODS 5); layer 0 is the embeddings.

    Labels are those of `task_set.LABELS`, in their order; n is the number of instances.

    Attributes:
        model: The model's name.
        tasks: With the mappings that were used.
        task: int32 [n], index of an instance's task.
        phrasing: int32 [n], index of its phrasing in the task.
        mapping: int32 [n], index of its mapping in the task.
        unseen: bool [n], those that nearest neighbours are looked up for.
        scores: float64 [L + 1, labels, 3], F1, ARI and AMI; NaN for a label that all share.
        clusters: int32 [L + 1, labels, n], the cluster of an instance where K-Means looks for as
            many as there are of that label.
        map: float32 [L + 1, n, 2], the first two principal components of what was clustered.
        neighbours: K; 0 where nothing is unseen.
        neighbour_share: float64 [L + 1], mean share of the K nearest training instances that have
            an unseen instance's task; NaN where nothing is unseen.
        neighbour_accuracy: float64 [L + 1], share of unseen instances whose output the K predict.
        neighbours_of_task: int32 [L + 1, m], how many of the K of each unseen instance have its
            task; m is the number of unseen instances.
        output_predicted: bool [L + 1, m], the K of an unseen instance predict its output.
        tsne: The states were reduced by t-SNE before K-Means.
        notes: What the user should know, in words.
        seconds: Time it took, loading included.
        device: Where the model ran.
        dtype: Precision of its weights.
    """

    model: str
    tasks: tuple[ClusterTask, ...]
    task: NDArray[np.int32]
    phrasing: NDArray[np.int32]
    mapping: NDArray[np.int32]
    unseen: NDArray[np.bool_]
    scores: NDArray[np.float64]
    clusters: NDArray[np.int32]
    map: NDArray[np.float32]
    neighbours: int
    neighbour_share: NDArray[np.float64]
    neighbour_accuracy: NDArray[np.float64]
    neighbours_of_task: NDArray[np.int32]
    output_predicted: NDArray[np.bool_]
    tsne: bool
    notes: tuple[str, ...]
    seconds: float
    device: str = ""
    dtype: str = ""


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """A turn of a conversation.

    Attributes:
        text: As the model wrote it, without special tokens.
        cut: It reached the limit of tokens before its end.
        input_tokens: What the conversation came to.
        output_tokens: What the turn came to.
    """

    text: str
    cut: bool
    input_tokens: int
    output_tokens: int


class NeuronDirection(msgspec.Struct, frozen=True, tag="neuron_direction"):
    """What a feed-forward neuron writes: its row w of the down projection (METHODS 3 and 6).

    Attributes:
        model: The model's name.
        layer: From 0.
        expert: The expert of a mixture; -1 in a dense layer.
        neuron: From 0.
        norm: ‖w‖.
        words: The K words with the largest |cos(w, E_o[word])|, best first.
        cosines: float32 [K], with their sign.
        components: int32 [P], the layer's principal components by falling |cos(w, v_r)|.
        component_cosines: float32 [P], with their sign.
        explained_variance: float64 [P], share of the layer's variance of each component.
        component_words: The words of each component, best first.
        component_measures: float32 [P, K], signed cosine of word and component.
        share: Σ cos²(w, v_r) over the layer's `rank` components: how much of w lies in their space.
        rank: R, how many components that were.
        notes: What the user should know, in words.
    """

    model: str
    layer: int
    expert: int
    neuron: int
    norm: float
    words: tuple[str, ...]
    cosines: NDArray[np.float32]
    components: NDArray[np.int32]
    component_cosines: NDArray[np.float32]
    explained_variance: NDArray[np.float64]
    component_words: tuple[tuple[str, ...], ...]
    component_measures: NDArray[np.float32]
    share: float
    rank: int
    notes: tuple[str, ...]


class WordNeurons(msgspec.Struct, frozen=True, tag="word_neurons"):
    """How much of a word the neurons of a layer write (METHODS 3 and 6).

    Attributes:
        model: The model's name.
        layer: From 0.
        word: The word.
        cosines: float32 [U], cos(w, E_o[word]) of every neuron's row w of the down projection, at
            the places of `LayerFrequencies`.
    """

    model: str
    layer: int
    word: str
    cosines: NDArray[np.float32]


class LayerFrequencies(msgspec.Struct, frozen=True):
    """How often the neurons of one layer are active on a category's instructions (METHODS 6).

    The neurons of a layer stand side by side, expert after expert, a shared one last: neuron i of
    expert e at place ``starts[e] + i``. A dense layer is one expert as far as `starts` goes.

    Attributes:
        starts: int64 [E + 1]; [2] in a dense layer.
        reached: uint16 [20, U]; number of instructions whose p_ij is at least
            `component_sets.EPSILONS` of the row.
        mean: float32 [U], mean p_ij over the instructions.
        expert_reached: uint16 [100, E], number of instructions of whose tokens at least the share
            `component_sets.EXPERT_EPSILONS` of the row is routed to the expert; E is 0 in a dense
            layer.
        expert_mean: float32 [E], mean share of tokens over the instructions.
    """

    starts: NDArray[np.int64]
    reached: NDArray[np.uint16]
    mean: NDArray[np.float32]
    expert_reached: NDArray[np.uint16]
    expert_mean: NDArray[np.float32]


class Frequencies(msgspec.Struct, frozen=True, tag="frequencies"):
    """How often every neuron and every expert is active on a category's instructions (METHODS 6).

    Attributes:
        model: The model's name.
        category: The category's name.
        instructions: How many instructions were counted.
        tokens: How many tokens they have.
        layers: One after the other.
        notes: What the user should know, in words.
        seconds: Time it took.
        device: Where the model ran.
        dtype: Precision of its weights.
    """

    model: str
    category: str
    instructions: int
    tokens: int
    layers: tuple[LayerFrequencies, ...]
    notes: tuple[str, ...]
    seconds: float
    device: str = ""
    dtype: str = ""


class Ablation(msgspec.Struct, frozen=True, tag="ablation"):
    """log p of reference responses with and without some neurons (METHODS 6).

    Attributes:
        model: The model's name.
        category: The category that the neurons are said to serve.
        neurons: How many were silenced.
        categories: [I] category of each instruction.
        response_tokens: int32 [I], tokens of its reference response.
        whole: float64 [I], log p of the response by the model as it is.
        silenced: float64 [I], the same without the neurons.
        random: float64 [R, I], the same without as many random neurons of the same layers.
        notes: What the user should know, in words.
        seconds: Time it took.
        device: Where the model ran.
        dtype: Precision of its weights.
    """

    model: str
    category: str
    neurons: int
    categories: tuple[str, ...]
    response_tokens: NDArray[np.int32]
    whole: NDArray[np.float64]
    silenced: NDArray[np.float64]
    random: NDArray[np.float64]
    notes: tuple[str, ...]
    seconds: float
    device: str = ""
    dtype: str = ""


Result = (
    ModelFacts
    | Tokens
    | Attribution
    | Architecture
    | HeadPairs
    | NeuronPairs
    | LayerConcepts
    | TaskClusters
    | NeuronDirection
    | WordNeurons
    | Reply
    | Frequencies
    | Ablation
)
