"""Requests about the heads of a pair of models, by layer and by head."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from analysis.heads.request import TOP_WORDS, HeadPairsRequest, NeuronPairsRequest
from analysis.request import Ask, Pair
from analysis.words.choice import Words, WordVectors

if TYPE_CHECKING:
    from analysis.heads.result import HeadPairs, NeuronPairs


def layer_asks(
    pair: Pair, layers: Iterable[int], words: Words, vectors: WordVectors, top: int = TOP_WORDS
) -> list[Ask[HeadPairs]]:
    """Ask for the word pairs of these layers' heads, base before tuned; `top` is K."""
    return [
        Ask(
            f"layer {layer}",
            tuple(HeadPairsRequest(model, layer, words, vectors, top) for model in pair),
        )
        for layer in layers
    ]


def head_ask(
    pair: Pair, layer: int, head: int, words: Words, vectors: WordVectors, top: int = TOP_WORDS
) -> Ask[NeuronPairs]:
    """Ask for the word pairs of one head's neuron pairs, base before tuned; `top` is K."""
    return Ask(
        f"layer {layer}, head {head}",
        tuple(NeuronPairsRequest(model, layer, head, words, vectors, top) for model in pair),
    )
