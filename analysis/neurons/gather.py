"""Requests about neurons: how active they are, what they write, what silencing them costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from analysis.neurons.ablation_effects import ablation_request, activity_note
from analysis.neurons.instructions import InstructionSet
from analysis.neurons.random_sets import Matched
from analysis.neurons.request import (
    AblationRequest,
    FrequenciesRequest,
    NeuronDirectionRequest,
    NeuronWordsRequest,
    WordNeuronsRequest,
)
from analysis.request import Ask, ModelChoice
from analysis.words.choice import Words

if TYPE_CHECKING:
    from analysis.neurons.pair import PairSets
    from analysis.neurons.result import (
        Frequencies,
        NeuronDirection,
        NeuronWords,
        Rule,
        WordNeurons,
    )

Branch = Literal["gate", "product"]

Place = tuple[int, int, int]
"""Layer, expert (-1 in a dense layer) and neuron."""


def frequency_asks(
    models: Sequence[ModelChoice],
    instructions: InstructionSet,
    branch: Branch = "gate",
    rule: Rule = "threshold",
) -> list[Ask[Frequencies]]:
    """Ask for the activation frequencies of these models, by category."""
    found = []
    by = msgspec.UNSET if rule == "threshold" else rule
    for category in instructions.categories:
        prompts = tuple(each.prompt for each in instructions.of(category))
        requests = (FrequenciesRequest(model, category, prompts, branch, by) for model in models)
        found.append(Ask(category, tuple(requests)))
    return found


def halves(instructions: InstructionSet) -> list[InstructionSet]:
    """Every other instruction of each category with at least two, then the rest: two halves."""
    groups = [instructions.of(category) for category in instructions.categories]
    return [
        InstructionSet(
            instructions.name,
            tuple(each for group in groups if len(group) > 1 for each in group[start::2]),
        )
        for start in (0, 1)
    ]


class AblationAsk(NamedTuple):
    """A request about a category's unique neurons, None if it has none, and a note for the user."""

    category: str
    request: AblationRequest | None
    note: str


def ablation_asks(
    model: ModelChoice,
    pair: PairSets,
    instructions: InstructionSet,
    *,
    count: int,
    seed: int,
    matched: Matched,
) -> Iterator[AblationAsk]:
    """Ask about the tuned model's responses without each category's unique neurons.

    `count` random sets are compared with; `matched` is what they share with the category's.
    """
    _, sets = pair.neurons
    for category, frequencies in zip(sets.categories, pair.tuned, strict=True):
        request = ablation_request(
            model,
            sets,
            category,
            instructions,
            count=count,
            seed=seed,
            activity=frequencies if matched == "activity" else None,
        )
        if any(request.neurons):
            note = activity_note(request, frequencies, matched)
            yield AblationAsk(category, request, note)
        else:
            note = f"No neuron is unique to {category}: there is nothing to silence."
            yield AblationAsk(category, None, note)


def direction_ask(
    models: Sequence[ModelChoice], place: Place, words: Words
) -> Ask[NeuronDirection]:
    """Ask what a neuron writes in these models."""
    layer, expert, neuron = place
    return Ask(
        f"layer {layer}, neuron {neuron}",
        tuple(NeuronDirectionRequest(each, layer, neuron, words, expert) for each in models),
    )


def neuron_words_asks(
    model: ModelChoice, places: Iterable[Place], words: Words
) -> list[Ask[NeuronWords]]:
    """Ask which words some neurons write in a model, layer by layer as they first come."""
    by_layer: dict[int, list[tuple[int, int]]] = {}
    for layer, expert, neuron in places:
        by_layer.setdefault(layer, []).append((expert, neuron))
    return [
        Ask(f"layer {layer}", (NeuronWordsRequest(model, layer, tuple(neurons), words),))
        for layer, neurons in by_layer.items()
    ]


def word_asks(
    models: Sequence[ModelChoice], layers: Iterable[int], word: str, words: Words
) -> list[Ask[WordNeurons]]:
    """Ask which neurons of these layers write a word."""
    return [
        Ask(
            f"layer {layer}",
            tuple(WordNeuronsRequest(model, layer, word, words) for model in models),
        )
        for layer in layers
    ]
