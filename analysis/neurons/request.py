"""What can be asked of single feed-forward neurons and experts (METHODS 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from analysis.request import ModelChoice, Request
from analysis.words.choice import Words

if TYPE_CHECKING:
    from analysis.neurons.result import Ablation, Frequencies, NeuronDirection, WordNeurons


class NeuronDirectionRequest(Request["NeuronDirection"], frozen=True, tag="neuron_direction"):
    """What a feed-forward neuron writes, in words and components (METHODS 3 and 6).

    Answered by `NeuronDirection`.

    Attributes:
        model: Whose neuron.
        layer: Which layer, from 0.
        neuron: Which neuron of the layer, or of the expert, from 0.
        words: The words that describe it.
        expert: Which expert of a mixture; -1 in a dense layer.
        rank: R, the number of components that are looked at.
        top: K, the words of the neuron and of a component.
        components: How many components are named.
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


class WordNeuronsRequest(Request["WordNeurons"], frozen=True, tag="word_neurons"):
    """Which feed-forward neurons of a layer write a word (METHODS 3 and 6).

    Answered by `WordNeurons`.

    Attributes:
        model: Whose neurons.
        layer: Which layer, from 0.
        word: The word.
        words: Those that it is one of.
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

    Answered by `Frequencies`.

    Attributes:
        model: Whose neurons.
        category: What the result calls the instructions.
        prompts: The instructions, each as the model is given it.
        branch: What counts as a gated network's activation (our reading): ``gate``, what leaves
            the activation function, or ``product``, that times the up branch. One and the same
            where there is no gate.
    """

    analysis = "frequencies"
    version = 2
    function = "analysis.neurons.compute.frequencies:frequencies"
    result = "analysis.neurons.result:Frequencies"

    model: ModelChoice
    category: str
    prompts: tuple[str, ...]
    branch: Literal["gate", "product"] = "gate"


class AnsweredInstruction(msgspec.Struct, frozen=True):
    """An instruction with the text that the reference response continues it with."""

    category: str
    prompt: str
    response: str


class AblationRequest(Request["Ablation"], frozen=True, tag="ablation"):
    """What silencing some neurons does to reference responses (METHODS 6, "critical role").

    Answered by `Ablation`.

    Attributes:
        model: Whose neurons.
        category: The category that the neurons are said to serve.
        neurons: Per layer the places of the neurons, as in `LayerFrequencies`.
        instructions: Those of the category and of the others.
        random: The sets to compare with, in the same form.
    """

    analysis = "ablation"
    function = "analysis.neurons.compute.ablation:ablation"
    result = "analysis.neurons.result:Ablation"

    model: ModelChoice
    category: str
    neurons: tuple[tuple[int, ...], ...]
    instructions: tuple[AnsweredInstruction, ...]
    random: tuple[tuple[tuple[int, ...], ...], ...] = ()
