"""What identifies a result: the analysis, the models' weights and every parameter that matters."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from analysis.registry import analysis_of
from analysis.requests import AttributionRequest, ModelChoice, Request
from analysis.results import Attribution, Result
from cache.keys import key


def result_key(request: Request, fingerprints: Sequence[str]) -> str:
    """The cache key of a request's result.

    The model's names and place do not count, only its fingerprint; its device counts only where it
    decides the precision.
    """
    analysis = analysis_of(request)
    model = request.model
    numerics = ModelChoice(
        name="",
        location="",
        device=model.device if model.dtype == "auto" else "",
        dtype=model.dtype,
    )
    asked = msgspec.structs.replace(request, model=numerics)
    if isinstance(asked, AttributionRequest):
        # However much memory it may take, the numbers are the same.
        asked = msgspec.structs.replace(asked, memory_budget=None)
    return key(analysis.name, analysis.version, fingerprints, asked)


def with_asked_name(result: Result, request: Request) -> Result:
    """A stored result under the model name of this request: another alias may have stored it."""
    if isinstance(result, Attribution):
        return msgspec.structs.replace(result, model=request.model.name)
    return result
