"""What the scripted session answers about instruction-specific components: always the same."""

from __future__ import annotations

import zlib

import numpy as np

from analysis.activity.request import HeadActivityRequest, NeuronActivityRequest
from analysis.activity.result import ActivePrompt, Activity
from analysis.neurons.request import (
    FrequenciesRequest,
    NeuronDirectionRequest,
    NeuronWordsRequest,
    WordNeuronsRequest,
)
from analysis.neurons.result import (
    Frequencies,
    LayerFrequencies,
    NeuronDirection,
    NeuronWords,
    WordNeurons,
)
from analysis.neurons.sets import EPSILONS, EXPERT_EPSILONS

LAYERS = 8
NEURONS = 24
EXPERTS = 3
INSTRUCTIONS = 20
NOTE = "2 instructions are longer than the model's window."


def frequencies(
    request: FrequenciesRequest,
    *,
    mixture: bool = False,
    layers: int = LAYERS,
    neurons: int = NEURONS,
) -> Frequencies:
    """Some neurons are active for every category, some for this one, some only after tuning."""
    return Frequencies(
        model=request.model.name,
        category=request.category,
        instructions=INSTRUCTIONS,
        tokens=INSTRUCTIONS * 9,
        layers=tuple(_layer(request, layer, mixture, neurons) for layer in range(layers)),
        notes=(NOTE,),
        seconds=0.1,
    )


def shares(request: FrequenciesRequest, layer: int, count: int, kind: str) -> np.ndarray:
    """float64 [I, count], what share of each instruction's tokens a neuron or an expert has."""

    def some(*seed: object) -> np.ndarray:
        return np.random.default_rng(zlib.crc32(repr(seed).encode())).random((INSTRUCTIONS, count))

    common, own = some(kind, layer)[:1], some(kind, layer, request.category)[:1]
    tuned = some(kind, layer, request.category, request.model.name)[:1]
    level = np.maximum(common, own) * 0.85 + 0.15 * tuned
    noise = some(kind, layer, request.category, "noise") * 0.2
    return np.clip(level - noise, 0, 1)


def _layer(
    request: FrequenciesRequest, layer: int, mixture: bool, neurons: int
) -> LayerFrequencies:
    routed = shares(request, layer, EXPERTS if mixture else 0, "experts")
    return layer_frequencies(shares(request, layer, neurons, "neurons"), routed)


def layer_frequencies(
    active: np.ndarray, routed: np.ndarray, sizes: tuple[int, ...] | None = None
) -> LayerFrequencies:
    """The frequencies of a layer.

    Args:
        active: float64 [I, U], the share of each instruction's tokens where a neuron is active.
        routed: float64 [I, E], the share that is sent to an expert.
        sizes: Neurons of each expert; None where all have as many.
    """
    experts = routed.shape[1] or 1
    return LayerFrequencies(
        starts=np.cumsum([0, *(sizes or [active.shape[1] // experts] * experts)]),
        reached=_reached(active, EPSILONS),
        mean=active.mean(axis=0).astype(np.float32),
        expert_reached=_reached(routed, EXPERT_EPSILONS),
        expert_mean=routed.mean(axis=0).astype(np.float32),
    )


def _reached(values: np.ndarray, grid: tuple[float, ...]) -> np.ndarray:
    return np.array([(values >= epsilon - 1e-9).sum(axis=0) for epsilon in grid], np.uint16)


def neuron_direction(request: NeuronDirectionRequest) -> NeuronDirection:
    """Words and components by the neuron's number."""
    count = 6
    words = tuple(f"{request.model.name[5:]}{request.neuron + n}" for n in range(8))
    return NeuronDirection(
        model=request.model.name,
        layer=request.layer,
        expert=request.expert,
        neuron=request.neuron,
        norm=1.5,
        words=words,
        cosines=np.linspace(0.5, -0.4, len(words)).astype(np.float32),
        components=np.arange(count, dtype=np.int32) * 7 + request.layer,
        component_cosines=np.linspace(0.4, -0.2, count).astype(np.float32),
        explained_variance=np.linspace(0.1, 0.01, count),
        component_words=tuple(tuple(f"c{n}w{k}" for k in range(5)) for n in range(count)),
        component_measures=np.tile(np.linspace(0.6, -0.3, 5), (count, 1)).astype(np.float32),
        share=0.61,
        rank=300,
        notes=("Words: 40, scripted.",),
    )


def neuron_words(request: NeuronWordsRequest) -> NeuronWords:
    """Words by the layer and the neuron's number; the last is on the other side."""
    words = tuple(
        tuple(f"l{request.layer}n{neuron}{letter}" for letter in "abc")
        for _, neuron in request.neurons
    )
    cosines = np.tile(np.array([0.5, 0.4, -0.3], np.float32), (len(words), 1))
    return NeuronWords(request.model.name, request.layer, request.neurons, words, cosines)


def word_neurons(request: WordNeuronsRequest) -> WordNeurons:
    """Cosines by the word, the layer and the model."""
    seed = zlib.crc32(repr((request.word, request.layer, request.model.name)).encode())
    cosines = np.random.default_rng(seed).uniform(-1, 1, NEURONS).astype(np.float32)
    return WordNeurons(request.model.name, request.layer, request.word, cosines)


def activity(request: NeuronActivityRequest | HeadActivityRequest) -> Activity:
    """Values by the place, the prompt and the model; the first prompt has none.

    Of a neuron they are of either sign; a head attends to the second word of every prompt.
    """
    head, found = isinstance(request, HeadActivityRequest), []
    unit = request.head if isinstance(request, HeadActivityRequest) else request.neuron
    for index, prompt in enumerate(request.prompts[1:], start=1):
        seed = zlib.crc32(repr((request.layer, unit, request.model.name, index)).encode())
        value = np.random.default_rng(seed).uniform(0 if head else -3, 1 if head else 3)
        first, second = (*prompt.split(), "")[:2]
        attended = (2, second) if head else (-1, "")
        found.append(ActivePrompt(index, float(str(np.float32(value))), 1, first, *attended))
    found.sort(key=lambda each: (-abs(each.value), each.index))
    return Activity(
        model=request.model.name,
        prompts=len(request.prompts),
        read=len(found),
        top=tuple(found[: request.top]),
        notes=(),
        seconds=0.1,
        device="cpu",
        dtype="float32",
    )
