"""Tries whether the stream is all that one layer of a model hands to the next at a position."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from analysis.engine.limits import vocabulary_size
from analysis.engine.loading import LoadedModel
from analysis.engine.whereabouts import device_of
from analysis.patching.compute.reading import apart, last_logits, tolerance
from analysis.patching.compute.sites import Sites, visited


def beside_the_stream(loaded: LoadedModel, sites: Sites, ids: Sequence[int]) -> tuple[str, ...]:
    """A note if a model hands on more than the stream; empty otherwise, and for other parts.

    Two texts of one token each: into the run of one, the stream of the other is put after each
    layer in turn, a row a point. Nothing comes before, so that the run has to say what the other
    says. It does not where layers use the keys of earlier ones, or look up the token again.
    """
    if not sites.stream:
        return ()
    off = _off(loaded, sites, ids)
    if off <= tolerance(loaded.model):
        return ()
    return (
        f"The stream is not all that a layer of {loaded.facts.name} hands to the next at a "
        f"position: a text of one token with another's stream stays up to {off:.1g} of the largest "
        "logit from what that other token gives. What goes beside the stream stays the receiver's.",
    )


def _off(loaded: LoadedModel, sites: Sites, ids: Sequence[int]) -> float:
    """The largest difference of the logits, as a share of the largest."""
    model, device = loaded.model, device_of(loaded.model)
    last = ids[-1]
    other = next((each for each in ids if each != last), (last + 1) % vocabulary_size(model))
    states: dict[int, Tensor] = {}

    def keep(point: int, seen: Tensor) -> None:
        states[point] = seen[0, -1].clone()

    with visited(sites, model, 1, keep):
        last_logits(model, torch.tensor([[other]], device=device))

    def put(point: int, seen: Tensor) -> Tensor:
        changed = seen.clone()
        changed[point + 1, -1] = states[point]
        return changed

    points = len(sites.every)
    texts = torch.tensor([[other], *[[last]] * points], device=device)
    with visited(sites, model, points + 1, put):
        logits = last_logits(model, texts)
    return apart(logits[1:], logits[:1])
