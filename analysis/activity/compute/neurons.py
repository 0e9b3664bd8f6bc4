"""The prompts on which a feed-forward neuron is most active (METHODS 18)."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from analysis.activity.compute.reading import (
    most_active,
    number,
    refuse_layer,
    run_model,
    texts_of,
    tokens_of,
)
from analysis.activity.request import NeuronActivityRequest
from analysis.activity.result import ActivePrompt, Activity
from analysis.engine.pool import ModelPool
from analysis.events import Steps
from analysis.neurons.compute.batches import Text
from analysis.neurons.compute.feed_forward import FeedForward, Seen, feed_forwards, watched
from analysis.problems import problem


def neuron_activity(request: NeuronActivityRequest, models: ModelPool) -> Steps[Activity]:
    """Where what a neuron hands to the down projection is largest, by |value|, sign kept.

    Only the user's own tokens count, and of an expert's neuron only those routed to the expert.

    Raises:
        ProblemError: ``input`` for an unusable prompt, or if there is no such neuron, ``model`` for
            a model whose neurons cannot be watched, ``memory``, and errors from loading.
    """
    started = time.monotonic()
    loaded = yield from models.get(request.model)
    networks = feed_forwards(loaded.model)
    refuse_layer(request, len(networks))
    network = networks[request.layer]
    expert = _refuse_neuron(request, network)
    tokens = tokens_of(request, loaded)

    def look(
        ids: Tensor, mask: Tensor, counted: Tensor, batch: Sequence[Text]
    ) -> list[ActivePrompt]:
        values = torch.full(ids.shape, torch.nan, dtype=torch.float32)
        flat = values.view(-1)

        def see(seen: Seen) -> None:
            if seen.expert == expert:
                own = seen.product[:, request.neuron].to("cpu", torch.float32)
                flat[slice(None) if seen.tokens is None else seen.tokens.cpu()] = own

        with watched(network, see):
            run_model(loaded, ids, mask, batch)
        found = []
        sizes = values.abs().masked_fill(values.isnan() | ~counted.cpu(), -1.0)
        for row, text in enumerate(batch):
            at = int(sizes[row].argmax())
            if sizes[row, at] >= 0:
                word = tokens[text.index].texts[at]
                found.append(ActivePrompt(text.index, number(values[row, at]), at, word))
        return found

    texts = texts_of(tokens, loaded)
    answer = yield from most_active(request, loaded, models, look, texts, texts, (), started)
    return answer


def _refuse_neuron(request: NeuronActivityRequest, network: FeedForward) -> int:
    """The position in `FeedForward.starts` of the network that the neuron is in."""
    where, networks = f"Layer {request.layer} of {request.model.name}", len(network.starts) - 1
    if network.experts is None and request.expert >= 0:
        raise problem("input", f"{where} has no experts.", "", "Leave out the expert.")
    if network.experts is not None and not 0 <= request.expert < networks:
        raise problem(
            "input",
            f"There is no expert {request.expert}."
            if request.expert >= 0
            else "A neuron of a mixture needs the number of its expert.",
            f"{where} has {networks}, 0 to {networks - 1}"
            + (", the shared one last." if networks > network.routed else "."),
            "Name one.",
        )
    expert = max(0, request.expert)
    width = network.starts[expert + 1] - network.starts[expert]
    if not 0 <= request.neuron < width:
        raise problem("input", f"There is no neuron {request.neuron}.", f"{where} has {width}.")
    return expert
