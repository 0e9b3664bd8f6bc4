"""Reads a text with one model: its states at the last position, and what it says there."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from analysis.engine.loading import LoadedModel
from analysis.engine.memory import is_out_of_memory
from analysis.engine.non_finite import explain_non_finite
from analysis.engine.passes import exact, frozen, options
from analysis.engine.reasons import reason
from analysis.engine.whereabouts import device_of
from analysis.patching.compute.sites import Sites, visited
from analysis.problems import ProblemError

# Caches whose rows can be repeated: each position is a row of keys and values of its own.
_REPEATABLE = (DynamicLayer, DynamicSlidingWindowLayer)
# How far runs that ought to be equal may be apart, as a share of the largest number.
_SAME = {torch.float64: 1e-8, torch.float32: 1e-4}
_ROUNDINGS = 8


@dataclass(frozen=True, eq=False)
class Reading:
    """A text as a model reads it; the model itself may be gone.

    Attributes:
        ids: The text, T tokens.
        sites: Where states were recorded.
        states: By point [D], at the last position; None where a layer has no such part.
        logits: At least float32 [V], of what follows the text, on the CPU.
        cache: The keys and values of the first T - 1 tokens, one row; None if they are no use.
        uncached: Why there is no cache, in words; empty if there is one.
    """

    ids: tuple[int, ...]
    sites: Sites
    states: tuple[Tensor | None, ...]
    logits: Tensor
    cache: Cache | None
    uncached: str = ""

    def on(self, sites: Sites) -> Reading:
        """The same reading with the sites of the model as it is in memory now."""
        return replace(self, sites=sites)


def read(loaded: LoadedModel, ids: Sequence[int], sites: Sites) -> Reading:
    """Read a text at once, and its beginning once more for a cache.

    Args:
        loaded: The model.
        ids: T ≥ 1 tokens.
        sites: Where states are recorded.

    Raises:
        ProblemError: ``model`` for one whose states cannot be recorded, or whose numbers are not
            finite.
    """
    model, text = loaded.model, tuple(ids)
    loaded.refuse_unknown(text)
    states: list[Tensor | None] = [None] * len(sites.every)

    def keep(point: int, seen: Tensor) -> None:
        states[point] = seen[0, -1].clone()

    with visited(sites, model, 1, keep):
        logits = last_logits(model, torch.tensor([text], device=device_of(model)))[0]
    finite = all(each is None or bool(each.isfinite().all()) for each in states)
    if not finite or not bool(logits.isfinite().all()):
        raise explain_non_finite(model, text, loaded.facts.name)
    cache, why = _beginning(model, text)
    return Reading(text, sites, tuple(states), logits, cache, why)


def last_logits(
    model: PreTrainedModel, ids: Tensor, cache: Cache | None = None, *, before: int = 0
) -> Tensor:
    """What the model says after each of some texts: at least float32 [B, V], on the CPU.

    Args:
        model: A causal language model.
        ids: int64 [B, T], read after what is in the cache.
        cache: Of `before` tokens, [B] rows; extended by these.
        before: The number of tokens in the cache.
    """
    with torch.inference_mode(), frozen(model):
        given = options(model, ids, keep=1, cache=cache, read=before)
        if "position_ids" in given:
            given["position_ids"] = given["position_ids"].expand(len(ids), -1)
        logits: Tensor = model(input_ids=ids, **given).logits[:, -1]
        return logits.to("cpu", exact(logits.dtype))


def apart(found: Tensor, wanted: Tensor) -> float:
    """The largest difference, as a share of the largest number wanted."""
    return float((found - wanted).abs().max() / wanted.abs().max())


def tolerance(model: PreTrainedModel) -> float:
    """How far apart rounding may bring runs that ought to be equal, as `apart` measures it."""
    return _SAME.get(model.dtype, _ROUNDINGS * torch.finfo(model.dtype).eps)


def repeated(cache: Cache, rows: int) -> Cache:
    """A copy of a cache of one row for many, which share its numbers until it is extended."""
    copied = copy.copy(cache)
    copied.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in _with_keys(copied):
        layer.keys = layer.keys.expand(rows, -1, -1, -1)
        layer.values = layer.values.expand(rows, -1, -1, -1)
    return copied


def cache_bytes(cache: Cache) -> int:
    """The size of a cache of one row."""
    held = [each for layer in _with_keys(cache) for each in (layer.keys, layer.values)]
    return sum(each.numel() * each.element_size() for each in held)


def _with_keys(cache: Cache) -> list[Any]:
    """The layers that keep anything: some use the keys of others."""
    return [each for each in cache.layers if getattr(each, "keys", None) is not None]


def _beginning(model: PreTrainedModel, text: tuple[int, ...]) -> tuple[Cache | None, str]:
    """The cache of all tokens but the last, or why there is none."""
    if len(text) < 2:
        return None, "there is nothing before the last position"
    try:
        cache = DynamicCache(config=model.config)
        last_logits(model, torch.tensor([text[:-1]], device=device_of(model)), cache)
        kept = {type(layer) for layer in cache.layers}
        read = cache.get_seq_length()
    except Exception as error:
        if is_out_of_memory(error) or isinstance(error, ProblemError):
            raise
        return None, f"it keeps no such cache ({reason(error)})"
    if not kept or not kept <= set(_REPEATABLE) or read != len(text) - 1:
        return None, "it keeps more than keys and values of earlier positions, or none"
    return cache, ""
