"""Requests about what tuning changed in the matrices of a layer (METHODS 10)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from analysis.request import Ask, ModelChoice, Pair, Request
from analysis.words.choice import Words

if TYPE_CHECKING:
    from analysis.changes.result import LayerChanges

OUTSIDE = -1
"""The layer of what stands outside the layers: embeddings, output head, last norm."""


class ChangesRequest(Request["LayerChanges"], frozen=True, tag="changes"):
    """How every tensor of a layer changed from base to tuned model (METHODS 10).

    Answered by `LayerChanges`. Layers count from 0, and `OUTSIDE` is all that is in none. `rank` is
    R, the directions of a matrix that are kept, `top` the words at either end of one.
    """

    analysis = "changes"
    function = "analysis.changes.compute.analyses:changes"
    result = "analysis.changes.result:LayerChanges"

    base: ModelChoice
    tuned: ModelChoice
    layer: int
    words: Words
    rank: int = 16
    top: int = 10

    def renamed(self, result: LayerChanges) -> LayerChanges:
        """A stored answer with this request's names for the models."""
        return msgspec.structs.replace(result, base=self.base.name, tuned=self.tuned.name)


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
