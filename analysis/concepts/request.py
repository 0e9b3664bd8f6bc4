"""Requests about feed-forward layers: their principal components (METHODS 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from analysis.request import ModelChoice, Request
from analysis.words.choice import Words

if TYPE_CHECKING:
    from analysis.concepts.result import LayerConcepts


RANK = 300
"""R: how many components of a layer are found."""

TOP_WORDS = 15
"""K: how many words describe a component."""

Measure = Literal["cosine", "projection"]


class ConceptsRequest(Request["LayerConcepts"], frozen=True, tag="concepts"):
    """The principal components of one layer's feed-forward patterns (METHODS 3, paper 5.2).

    Answered by `LayerConcepts`. R is `rank`, K words per component is `top`, ranked by their cosine
    with the direction or their projection onto it. Layers count from 0; expert -1 is a dense model.
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
    rank: int = RANK
    top: int = TOP_WORDS
    measure: Measure = "cosine"

    def renamed(self, result: LayerConcepts) -> LayerConcepts:
        """A stored answer with this request's names for the models."""
        return msgspec.structs.replace(
            result,
            base=msgspec.structs.replace(result.base, model=self.base.name),
            tuned=msgspec.structs.replace(result.tuned, model=self.tuned.name),
        )
