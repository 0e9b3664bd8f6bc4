"""Requests about what tuning changed, by layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from analysis.changes.request import OUTSIDE, ChangesRequest
from analysis.request import Ask, Pair
from analysis.words.choice import Words

if TYPE_CHECKING:
    from analysis.changes.result import LayerChanges


def change_asks(
    pair: Pair, layers: Iterable[int], words: Words, rank: int = 16, top: int = 10
) -> list[Ask[LayerChanges]]:
    """Ask how these layers changed, `OUTSIDE` among them; one request covers both models."""
    return [
        Ask(layer_name(layer), (ChangesRequest(*pair, layer, words, rank, top),))
        for layer in layers
    ]


def layer_name(layer: int) -> str:
    return "outside the layers" if layer == OUTSIDE else f"layer {layer}"
