"""Requests about feed-forward layers: their principal components (METHODS 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from analysis.request import ModelChoice, Request
from analysis.words.choice import Words

if TYPE_CHECKING:
    from analysis.concepts.result import LayerConcepts


class ConceptsRequest(Request["LayerConcepts"], frozen=True, tag="concepts"):
    """The principal components of one layer's feed-forward patterns (METHODS 3, paper 5.2).

    Answered by `LayerConcepts`.

    Attributes:
        base: The base model.
        tuned: The tuned model.
        layer: From 0.
        words: The words that describe a component.
        expert: The expert of a mixture; -1 in a dense model.
        rank: R, the number of components.
        top: K, the number of words per component.
        measure: Rank words by their cosine with the direction, or by their projection onto it.
    """

    analysis = "concepts"
    version = 2
    function = "analysis.concepts.compute.analyses:concepts"
    result = "analysis.concepts.result:LayerConcepts"

    base: ModelChoice
    tuned: ModelChoice
    layer: int
    words: Words
    expert: int = -1
    rank: int = 300
    top: int = 15
    measure: Literal["cosine", "projection"] = "cosine"

    def renamed(self, result: LayerConcepts) -> LayerConcepts:
        """A stored answer with this request's names for the models."""
        return msgspec.structs.replace(
            result,
            base=msgspec.structs.replace(result.base, model=self.base.name),
            tuned=msgspec.structs.replace(result.tuned, model=self.tuned.name),
        )
