"""Results: what neurons write, how often they are active, and the effect of silencing them."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Rule = Literal["threshold", "percentile"]
"""When neuron i of layer j is specific to instruction I (METHODS 6), two readings of one paper.

``threshold``: p_ij(I) is at least ε. ``percentile``: p_ij(I) is among the highest share ε of the
frequencies of all neurons of all layers.
"""


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
        share: Σ cos²(w, v_r) over the layer's `rank` components: the share of w in their space.
        rank: R, the number of those components.
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


class NeuronWords(msgspec.Struct, frozen=True, tag="neuron_words"):
    """What some neurons of a layer write, as words (METHODS 3 and 6).

    Attributes:
        model: The model's name.
        layer: From 0.
        neurons: Expert (-1 in a dense layer) and number of each neuron, from 0.
        words: Of each neuron the K words with the largest |cos(w, E_o[word])|, best first.
        cosines: float32 [n, K], with their sign.
    """

    model: str
    layer: int
    neurons: tuple[tuple[int, int], ...]
    words: tuple[tuple[str, ...], ...]
    cosines: NDArray[np.float32]


class WordNeurons(msgspec.Struct, frozen=True, tag="word_neurons"):
    """How much each neuron of a layer writes a word (METHODS 3 and 6).

    Attributes:
        model: The model's name.
        layer: From 0.
        word: The word.
        cosines: float32 [U], cos(w, E_o[word]) of every neuron's row w of the down projection, at
            the positions of `LayerFrequencies`.
    """

    model: str
    layer: int
    word: str
    cosines: NDArray[np.float32]


class LayerFrequencies(msgspec.Struct, frozen=True):
    """How often the neurons of one layer are active on a category's instructions (METHODS 6).

    Neurons are ordered expert by expert, a shared one last: neuron i of expert e is at position
    ``starts[e] + i``. For `starts`, a dense layer counts as one expert.

    Attributes:
        starts: int64 [E + 1]; [2] in a dense layer.
        reached: uint16 [20, U]; number of instructions whose p_ij is at least `sets.EPSILONS` of
            the row, or by percentile, among the highest share `sets.TOP_SHARES` of the row.
        mean: float32 [U], mean p_ij over the instructions.
        expert_reached: uint16 [100, E], number of instructions of whose tokens at least the share
            `sets.EXPERT_EPSILONS` of the row is routed to the expert; E is 0 in a dense
            layer.
        expert_mean: float32 [E], mean share of tokens over the instructions.
    """

    starts: NDArray[np.int64]
    reached: NDArray[np.uint16]
    mean: NDArray[np.float32]
    expert_reached: NDArray[np.uint16]
    expert_mean: NDArray[np.float32]


class Frequencies(msgspec.Struct, frozen=True, tag="frequencies"):
    """How often each neuron and expert is active on a category's instructions (METHODS 6).

    Attributes:
        model: The model's name.
        category: The category's name.
        instructions: Number of instructions counted.
        tokens: Their total number of tokens.
        layers: In order.
        notes: What the user should know, in words.
        seconds: Computing time.
        device: The device the model ran on.
        dtype: Precision of its weights.
        rule: What `LayerFrequencies.reached` counts.
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
    rule: Rule = "threshold"


class Ablation(msgspec.Struct, frozen=True, tag="ablation"):
    """log p of reference responses with and without some neurons (METHODS 6).

    Attributes:
        model: The model's name.
        category: The category that the neurons are supposed to serve.
        neurons: Number of silenced neurons.
        categories: [I] category of each instruction.
        response_tokens: int32 [I], tokens of its reference response.
        whole: float64 [I], log p of the response by the unchanged model.
        silenced: float64 [I], the same without the neurons.
        random: float64 [R, I], the same without as many random neurons of the same layers.
        notes: What the user should know, in words.
        seconds: Computing time.
        device: The device the model ran on.
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
