"""Prompts as tokens, and the prompts that are kept of all that were read."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from analysis.activity.request import HeadActivityRequest, NeuronActivityRequest
from analysis.activity.result import ActivePrompt, Activity
from analysis.engine.loading import LoadedModel
from analysis.engine.pool import ModelPool
from analysis.events import Progress, Steps
from analysis.models.tokens import Tokens
from analysis.neurons.compute.batches import (
    Text,
    in_batches,
    left_out,
    padded,
    refuse_not_finite,
    run_batches,
)
from analysis.problems import problem

Asked = NeuronActivityRequest | HeadActivityRequest
Look = Callable[[Tensor, Tensor, Tensor, Sequence[Text]], list[ActivePrompt]]
"""Of ids, attention mask and own tokens, [B, T] each, of B texts: runs them and finds the values
of those that have one; see `run_model`."""


def tokens_of(request: Asked, loaded: LoadedModel) -> list[Tokens]:
    """Every prompt as the model reads it.

    Raises:
        ProblemError: ``input`` for no prompts, an empty one, or one that the template refuses.
    """
    if not request.prompts:
        raise problem("input", "There is no prompt to read.")
    if request.top < 1:
        raise problem("input", f"At least one prompt must be kept, not {request.top}.")
    return [
        loaded.tokenize(prompt, chat_template=request.chat_template) for prompt in request.prompts
    ]


def texts_of(read: Sequence[Tokens], loaded: LoadedModel) -> list[Text]:
    """The prompts that fit the model; the user's own tokens count."""
    window = loaded.facts.context_window
    return [
        Text(index, tokens.ids, tuple(span is not None for span in tokens.spans))
        for index, tokens in enumerate(read)
        if not window or len(tokens) <= window
    ]


def refuse_layer(request: Asked, layers: int) -> None:
    """Raise ProblemError, ``input``, if the model has no such layer."""
    if not 0 <= request.layer < layers:
        raise problem(
            "input",
            f"There is no layer {request.layer}.",
            f"{request.model.name} has {layers} layers, 0 to {layers - 1}.",
        )


def run_model(loaded: LoadedModel, ids: Tensor, mask: Tensor, batch: Sequence[Text]) -> None:
    """One pass without a gradient and without the output layer, refusing what is not finite."""
    with torch.no_grad():
        output = loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)
    refuse_not_finite(loaded, batch, output.last_hidden_state, mask)


def most_active(
    request: Asked,
    loaded: LoadedModel,
    models: ModelPool,
    look: Look,
    texts: Sequence[Text],
    fitting: Sequence[Text],
    notes: Sequence[str],
    started: float,
) -> Steps[Activity]:
    """Read texts batch by batch and keep the prompts of the largest |value|.

    Args:
        request: How many are kept.
        loaded: The model.
        models: The pool that it is of.
        look: Finds the values of a batch.
        texts: What is read.
        fitting: All that fits the model, of which `texts` may be a part.
        notes: What is known before.
        started: When the answer was begun.
    """
    notes = (*loaded.facts.notes, *notes, *left_out(fitting, len(request.prompts), loaded))
    found: list[ActivePrompt] = []
    read, done = 0, 0

    def run(batch: Sequence[Text]) -> None:
        nonlocal found, read
        ids, mask, counted = padded(batch, loaded.device)
        # All at the end: a batch that fails leaves nothing behind.
        new = look(ids, mask, counted, batch)
        found = heapq.nsmallest(request.top, [*found, *new], _order)
        read += len(new)

    yield Progress("activity", 0, len(texts), "prompts")
    for count in run_batches(in_batches(texts), run, loaded, models):
        done += count
        yield Progress("activity", done, len(texts), "prompts")
    return Activity(
        model=request.model.name,
        prompts=len(request.prompts),
        read=read,
        top=tuple(found),
        notes=notes,
        seconds=time.monotonic() - started,
        device=loaded.facts.device,
        dtype=loaded.facts.dtype,
    )


def number(value: Tensor) -> float:
    """A value with the shortest digits that give the same float32 back."""
    return float(str(np.float32(value.item())))


def _order(each: ActivePrompt) -> tuple[float, int]:
    return -abs(each.value), each.index
