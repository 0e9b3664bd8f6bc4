"""The effect of silencing neurons on the log-probability of reference responses (METHODS 6)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from analysis.engine.loading import LoadedModel
from analysis.engine.passes import exact, head_of
from analysis.engine.pool import ModelPool
from analysis.events import Progress, Steps
from analysis.neurons.compute.batches import (
    Text,
    in_batches,
    left_out,
    padded,
    refuse_not_finite,
    run_batches,
)
from analysis.neurons.compute.feed_forward import FeedForward, feed_forwards, silenced
from analysis.neurons.random_sets import NeuronSet
from analysis.neurons.request import AblationRequest, AnsweredInstruction
from analysis.neurons.result import Ablation
from analysis.problems import problem

_LOGITS = 1 << 26
"""Maximum number of logits in a batch. The output layer is applied only to response tokens, to as
many as fit."""


def ablation(request: AblationRequest, models: ModelPool) -> Steps[Ablation]:
    """log p of every reference response: as it is, without the set, without random sets.

    A silenced neuron writes nothing at any token of prompt or response.

    Raises:
        ProblemError: ``input`` if the neurons are not the model's, or no instruction can be read;
            ``memory``; and errors from loading.
    """
    started = time.monotonic()
    loaded = yield from models.get(request.model)
    networks = feed_forwards(loaded.model)
    for neurons in (request.neurons, *request.random):
        _refuse_other_neurons(neurons, networks, loaded.facts.name)
    texts = _texts(request.instructions, loaded)
    notes = left_out(texts, len(request.instructions), loaded)
    nothing: NeuronSet = [() for _ in networks]
    sets = [nothing, request.neurons, *request.random]
    values = np.full((len(sets), len(request.instructions)), np.nan)

    def run(batch: Sequence[Text]) -> None:
        for row, silent in enumerate(sets):
            with ExitStack() as stack:
                for network, neurons in zip(networks, silent, strict=True):
                    stack.enter_context(silenced(network, neurons))
                found = response_log_probabilities(loaded.model, batch, loaded.device)
            if row == 0:
                # Silencing cannot make values overflow, so one check suffices.
                refuse_not_finite(loaded, batch, found)
            values[row, [each.index for each in batch]] = found.cpu().numpy()

    done = 0
    yield Progress("ablation", 0, len(texts), request.category)
    batches = in_batches(texts, max(1, _LOGITS // loaded.facts.vocabulary))
    for count in run_batches(batches, run, loaded, models):
        done += count
        yield Progress("ablation", done, len(texts), request.category)
    texts.sort(key=lambda each: each.index)
    kept = [each.index for each in texts]
    return Ablation(
        model=request.model.name,
        category=request.category,
        neurons=sum(len(each) for each in request.neurons),
        categories=tuple(request.instructions[index].category for index in kept),
        response_tokens=np.array([sum(each.counted) for each in texts], dtype=np.int32),
        whole=values[0, kept],
        silenced=values[1, kept],
        random=values[2:, kept],
        notes=(*loaded.facts.notes, *notes),
        seconds=time.monotonic() - started,
        device=loaded.facts.device,
        dtype=loaded.facts.dtype,
    )


def response_log_probabilities(
    model: PreTrainedModel, batch: Sequence[Text], device: torch.device
) -> Tensor:
    """float32 at least, [B]: log p of each text's counted tokens, given all before them, summed."""
    ids, mask, counted = padded(batch, device)
    # The state before a token predicts it.
    row, place = counted[:, 1:].nonzero(as_tuple=True)

    def only_responses(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        states = args[0]
        return (states[row.to(states.device), place.to(states.device)][None], *args[1:])

    hook = head_of(model).register_forward_pre_hook(only_responses)
    try:
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[0]
    finally:
        hook.remove()
    logits = logits.to(exact(logits.dtype))
    answered = logits.gather(1, ids[row, place + 1][:, None])[:, 0]
    chosen: Tensor = answered - logits.logsumexp(dim=1)
    return chosen.new_zeros(len(batch)).index_add_(0, row, chosen)


def _texts(instructions: Sequence[AnsweredInstruction], loaded: LoadedModel) -> list[Text]:
    """The instructions that fit the model together with their responses."""
    found: list[Text] = []
    window = loaded.facts.context_window
    for index, each in enumerate(instructions):
        prompt = loaded.tokenize(each.prompt).ids
        response = loaded.tokenize_response(each.response).ids
        if not response:
            raise problem(
                "input",
                "An instruction has no reference response.",
                f"It is the {index + 1}th, of the category {each.category}.",
                "Give every instruction a response.",
            )
        if not window or len(prompt) + len(response) <= window:
            counted = (False,) * len(prompt) + (True,) * len(response)
            found.append(Text(index, (*prompt, *response), counted))
    return found


def _refuse_other_neurons(neurons: NeuronSet, networks: Sequence[FeedForward], model: str) -> None:
    fits = len(neurons) == len(networks) and all(
        0 <= place < network.units
        for places, network in zip(neurons, networks, strict=True)
        for place in places
    )
    if not fits:
        raise problem(
            "input",
            f"The neurons are not those of {model}.",
            f"It has {len(networks)} layers of {networks[0].units:,} neurons.",
        )
