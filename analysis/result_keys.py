"""What identifies a result: the analysis, the models' weights and every parameter that matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from analysis.registry import analysis_of
from analysis.requests import (
    AttributionRequest,
    ConceptsRequest,
    HeadPairsRequest,
    ModelChoice,
    NeuronDirectionRequest,
    NeuronPairsRequest,
    Request,
    Words,
    WordVectors,
)
from analysis.results import (
    Ablation,
    Attribution,
    Frequencies,
    HeadPairs,
    LayerConcepts,
    NeuronDirection,
    NeuronPairs,
    Result,
    TaskClusters,
)
from cache.keys import key

_Named = TypeVar("_Named", Words, WordVectors)


def result_key(request: Request, fingerprints: Sequence[str]) -> str:
    """The cache key of a request's result.

    Args:
        request: What was asked.
        fingerprints: One for every model of `requests.models_of`, in its order.

    The models' names and places do not count, only their fingerprints; a device counts only where
    it decides the precision. Files count by their content.
    """
    analysis = analysis_of(request)
    return key(analysis.name, analysis.version, fingerprints, _numerics(request))


def _numerics(request: Request) -> Request:
    """The request without anything that its numbers do not depend on."""
    if isinstance(request, ConceptsRequest):
        return msgspec.structs.replace(
            request,
            base=_unplaced_model(request.base),
            tuned=_unplaced_model(request.tuned),
            words=_unplaced(request.words),
        )
    model = _unplaced_model(request.model)
    if isinstance(request, HeadPairsRequest | NeuronPairsRequest):
        vectors = _unplaced(request.vectors)
        if vectors.model is not None:
            vectors = msgspec.structs.replace(vectors, model=_unplaced_model(vectors.model))
        return msgspec.structs.replace(
            request, model=model, words=_unplaced(request.words), vectors=vectors
        )
    if isinstance(request, NeuronDirectionRequest):
        return msgspec.structs.replace(request, model=model, words=_unplaced(request.words))
    if isinstance(request, AttributionRequest):
        return msgspec.structs.replace(request, model=model, memory_budget=None)
    return msgspec.structs.replace(request, model=model)


def _unplaced_model(model: ModelChoice) -> ModelChoice:
    device = model.device if model.dtype == "auto" else ""
    return ModelChoice(name="", location="", device=device, dtype=model.dtype)


def _unplaced(named: _Named) -> _Named:
    if isinstance(named, WordVectors):
        return msgspec.structs.replace(named, path="", folder="")
    return msgspec.structs.replace(named, path="")


def with_asked_name(result: Result, request: Request) -> Result:
    """A stored result under the model names of this request: other aliases may have stored it."""
    if isinstance(result, LayerConcepts) and isinstance(request, ConceptsRequest):
        return msgspec.structs.replace(
            result,
            base=msgspec.structs.replace(result.base, model=request.base.name),
            tuned=msgspec.structs.replace(result.tuned, model=request.tuned.name),
        )
    named = (
        Attribution
        | HeadPairs
        | NeuronPairs
        | NeuronDirection
        | TaskClusters
        | Frequencies
        | Ablation
    )
    if isinstance(result, named) and not isinstance(request, ConceptsRequest):
        return msgspec.structs.replace(result, model=request.model.name)
    return result
