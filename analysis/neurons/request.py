"""Requests about single feed-forward neurons and experts (METHODS 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from analysis.request import ModelChoice, Request
from analysis.words.choice import Words

if TYPE_CHECKING:
    from analysis.neurons.result import (
        Ablation,
        Frequencies,
        NeuronDirection,
        NeuronWords,
        WordNeurons,
    )


class NeuronDirectionRequest(Request["NeuronDirection"], frozen=True, tag="neuron_direction"):
    """What a feed-forward neuron writes, as words and components (METHODS 3 and 6).

    Answered by `NeuronDirection`.

    Attributes:
        model: The model.
        layer: From 0.
        neuron: Number of the neuron in the layer, or in the expert, from 0.
        words: The words that describe it.
        expert: The expert of a mixture; -1 in a dense layer.
        rank: R, the number of components considered.
        top: K, the number of words for the neuron and for each component.
        components: Number of components to return.
    """

    analysis = "neuron direction"
    version = 2
    function = "analysis.neurons.compute.directions:neuron_direction"
    result = "analysis.neurons.result:NeuronDirection"

    model: ModelChoice
    layer: int
    neuron: int
    words: Words
    expert: int = -1
    rank: int = 300
    top: int = 15
    components: int = 20


class NeuronWordsRequest(Request["NeuronWords"], frozen=True, tag="neuron_words"):
    """What some neurons of a layer write, as words (METHODS 3 and 6); answered by `NeuronWords`.

    Attributes:
        model: The model.
        layer: From 0.
        neurons: Expert (-1 in a dense layer) and number of each neuron, from 0.
        words: The words that describe them.
        top: K, the number of words for each.
    """

    analysis = "neuron words"
    function = "analysis.neurons.compute.neuron_words:neuron_words"
    result = "analysis.neurons.result:NeuronWords"
    stored = False

    model: ModelChoice
    layer: int
    neurons: tuple[tuple[int, int], ...]
    words: Words
    top: int = 8


class WordNeuronsRequest(Request["WordNeurons"], frozen=True, tag="word_neurons"):
    """The feed-forward neurons of a layer that write a word of the list (METHODS 3 and 6).

    Answered by `WordNeurons`; layers count from 0.
    """

    analysis = "word neurons"
    function = "analysis.neurons.compute.word_neurons:word_neurons"
    result = "analysis.neurons.result:WordNeurons"
    stored = False

    model: ModelChoice
    layer: int
    word: str
    words: Words


class FrequenciesRequest(Request["Frequencies"], frozen=True, tag="frequencies"):
    """How often every feed-forward neuron is active on a category's instructions (METHODS 6).

    Answered by `Frequencies`. `prompts` are as given to the model. `branch` is what counts as a
    gated network's activation (our reading): ``gate``, the output of the activation function, or
    ``product``, its product with the up branch. The same if there is no gate. `rule` is set where
    a neuron is specific to an instruction by percentile (see `result.Rule`).
    """

    analysis = "frequencies"
    version = 2
    function = "analysis.neurons.compute.frequencies:frequencies"
    result = "analysis.neurons.result:Frequencies"

    model: ModelChoice
    category: str
    prompts: tuple[str, ...]
    branch: Literal["gate", "product"] = "gate"
    # Unset for thresholds, so that the keys of results stored before there was another rule hold.
    rule: Literal["percentile"] | msgspec.UnsetType = msgspec.UNSET


class AnsweredInstruction(msgspec.Struct, frozen=True):
    """An instruction and the reference response that continues it."""

    category: str
    prompt: str
    response: str


class AblationRequest(Request["Ablation"], frozen=True, tag="ablation"):
    """The effect of silencing neurons on reference responses (METHODS 6, "critical role").

    Answered by `Ablation`. `neurons` are for each layer the positions, as in `LayerFrequencies`; so
    are the `random` sets to compare with. Instructions are those of the category and of the others.
    """

    analysis = "ablation"
    function = "analysis.neurons.compute.ablation:ablation"
    result = "analysis.neurons.result:Ablation"

    model: ModelChoice
    category: str
    neurons: tuple[tuple[int, ...], ...]
    instructions: tuple[AnsweredInstruction, ...]
    random: tuple[tuple[tuple[int, ...], ...], ...] = ()
