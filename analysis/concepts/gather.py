"""Requests about the feed-forward layers of a pair of models, by expert."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from analysis.concepts.request import RANK, TOP_WORDS, ConceptsRequest, Measure
from analysis.models.request import Architecture, passed_over
from analysis.problems import problem
from analysis.request import Ask, Pair
from analysis.words.choice import Words

if TYPE_CHECKING:
    from analysis.concepts.result import LayerConcepts

Place = tuple[int, int]
"""Layer, and expert; -1 in a dense layer."""


def places(built: Architecture, layers: Iterable[int]) -> list[Place]:
    """Every expert of some layers; ProblemError ``input`` if none of them has a network."""
    wanted = list(layers)
    found = [(layer, expert) for layer in wanted for expert in built.experts_in(layer)]
    if wanted and not found:
        raise problem(
            "input",
            f"{built.model} has no feed-forward network to compare there.",
            passed_over(built.without_network, wanted),
            "Choose other layers, or another model.",
        )
    return found


def places_of(built: Architecture, expert: int) -> list[Place]:
    """One expert of every layer that has a network; some layers of a mixture may be dense."""
    return [
        (layer, expert if expert in built.experts_in(layer) else -1)
        for layer in range(built.layers)
        if built.experts_in(layer)
    ]


def concept_asks(
    pair: Pair,
    places: Iterable[Place],
    words: Words,
    rank: int = RANK,
    top: int = TOP_WORDS,
    measure: Measure = "cosine",
) -> list[Ask[LayerConcepts]]:
    """Ask for the components of these places; one request covers base and tuned model."""
    return [
        Ask(
            f"layer {layer}" if expert < 0 else f"layer {layer}, expert {expert}",
            (ConceptsRequest(*pair, layer, words, expert, rank, top, measure),),
        )
        for layer, expert in places
    ]
