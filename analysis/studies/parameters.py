"""The parameters that a study's numbers depend on, as its findings list them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from analysis.models.checkpoint import inspect
from analysis.models.places import place_of
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.table import Cell

if TYPE_CHECKING:
    from analysis.words.choice import Words, WordVectors

_UNKNOWN = "not recorded"


class Computed(Protocol):
    """A result that records where it was computed; maps also record the dtype of their passes."""

    @property
    def device(self) -> str:
        """Where the model ran."""

    @property
    def dtype(self) -> str:
        """Precision of its weights."""


def model_parameters(
    base: ModelChoice, tuned: ModelChoice, computed: Sequence[str] = ()
) -> dict[str, Cell]:
    """Both models by name and by the fingerprint of their files.

    `computed` is what `precision_of` says of each; empty if neither was run.
    """
    found: dict[str, Cell] = {}
    for number, (role, model) in enumerate((("base", base), ("tuned", tuned))):
        found[role] = model.name
        found[f"{role} fingerprint"] = _fingerprint(model)
        if computed:
            found[f"{role} precision"] = computed[number]
    return found


def weight_parameters(
    base: ModelChoice,
    tuned: ModelChoice,
    devices: Iterable[str],
    words: Words,
    vectors: WordVectors | None = None,
) -> dict[str, Cell]:
    """Parameters of a study that reads the weights as stored.

    Args:
        base: The base model.
        tuned: The tuned model.
        devices: Where answers about layers were computed.
        words: The words used.
        vectors: The word vectors that decided which words are similar, if any.
    """
    found = model_parameters(base, tuned)
    found["base weights stored in"] = stored_precision(base)
    found["tuned weights stored in"] = stored_precision(tuned)
    found["computed in"] = "float32, in float64 where rounding could decide"
    found["device"] = in_words(devices)
    found["words"] = Path(words.path).name or words.source
    found["words digest"] = words.digest or None
    found["most words"] = words.limit or None
    if vectors is not None:
        found["word vectors"] = (
            f"input embeddings of {vectors.model.name}"
            if vectors.model
            else Path(vectors.path).name or vectors.source
        )
        found["word vectors digest"] = vectors.digest or None
    return {name: value for name, value in found.items() if value is not None}


def precision_of(results: Iterable[Computed]) -> str:
    """The precision of a model's weights and its device, as they were and not as requested.

    Cached results may come from several machines; then all are named.
    """
    return in_words(_precision(each) for each in results)


def in_words(precisions: Iterable[str]) -> str:
    return " and ".join(sorted({each for each in precisions if each})) or _UNKNOWN


def stored_precision(model: ModelChoice) -> str:
    """In what a model's files have its weights, in words."""
    try:
        place = place_of(model)
        return in_words(() if place is None else inspect(place.folder).precisions())
    except (OSError, ProblemError):
        return _UNKNOWN


def _precision(result: Computed) -> str:
    if not result.dtype:
        return ""
    found = f"{result.dtype} on {result.device}"
    passes = getattr(result, "passes_dtype", "")
    return found if passes in ("", result.dtype) else f"{found}, passes in {passes}"


def _fingerprint(model: ModelChoice) -> str:
    try:
        place = place_of(model)
        return "" if place is None else place.mark
    except (OSError, ProblemError):
        return ""
