"""Reads prompt and response once, and keeps what the model would say at every place."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.engine.causality import refuse_looking_ahead
from analysis.engine.loading import LoadedModel
from analysis.engine.non_finite import explain_non_finite
from analysis.engine.passes import exact, frozen, options
from analysis.engine.whereabouts import device_of
from analysis.models.tokens import Tokens


@dataclass(frozen=True)
class Read:
    """What a model says at the places of a response; the model itself may be gone.

    Attributes:
        logits: float32 at least, [P, V], on the CPU.
        prompt: What it was given before.
        ends: The tokens that end its response.
        notes: What the user should know of it.
        device: Where it ran.
        dtype: Precision of its weights.
    """

    logits: Tensor
    prompt: Tokens
    ends: frozenset[int]
    notes: tuple[str, ...]
    device: str
    dtype: str


def read(
    loaded: LoadedModel, prompt: Tokens, response: Tokens, places: int, ends: frozenset[int]
) -> Read:
    """Read a response in one pass.

    Args:
        loaded: The model.
        prompt: N ≥ 1 tokens.
        response: M tokens.
        places: P, M or M + 1; the last of M + 1 is behind the response.
        ends: The tokens that end a response.

    Raises:
        ProblemError: ``model`` when later tokens change what is said before, or a logit is not
            finite.
    """
    loaded.refuse_unknown(response.ids)
    text = (*prompt.ids, *response.ids)
    refuse_looking_ahead(loaded.model, text, name=loaded.facts.name)
    with torch.inference_mode(), frozen(loaded.model):
        ids = torch.tensor([text[: len(prompt) + places - 1]], device=device_of(loaded.model))
        found = loaded.model(input_ids=ids, **options(loaded.model, ids, keep=places))
        logits = found.logits[0, -places:]
        logits = logits.to("cpu", exact(logits.dtype))
        finite = bool(logits.isfinite().all())
    if not finite:
        raise explain_non_finite(loaded.model, text, loaded.facts.name)
    return Read(logits, prompt, ends, loaded.facts.notes, loaded.facts.device, loaded.facts.dtype)
