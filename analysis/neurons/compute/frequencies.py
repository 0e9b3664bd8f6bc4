"""How often each feed-forward neuron is active on a category's instructions (METHODS 6)."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from analysis.engine.loading import LoadedModel
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
from analysis.neurons.compute.counting import MOST_INSTRUCTIONS, Counter
from analysis.neurons.compute.feed_forward import feed_forwards
from analysis.neurons.request import FrequenciesRequest
from analysis.neurons.result import Frequencies, Rule
from analysis.problems import problem


def frequencies(request: FrequenciesRequest, models: ModelPool) -> Steps[Frequencies]:
    """p_ij(I) of every neuron on every instruction of a category, kept as counts over a grid.

    p_ij(I) is the share of the instruction's own tokens (no BOS) at which the activation is above
    0; a neuron of an expert counts only at tokens routed to that expert. Takes one pass over the
    instructions and memory independent of their number.

    Raises:
        ProblemError: ``input`` if there is no instruction or one cannot be used, ``memory`` if one
            is too long for the device; and errors from loading.
    """
    started = time.monotonic()
    if len(request.prompts) > MOST_INSTRUCTIONS:
        raise problem(
            "input",
            f"The category {request.category} has too many instructions.",
            f"It has {len(request.prompts):,}; up to {MOST_INSTRUCTIONS:,} can be counted.",
            "Choose some of them.",
        )
    loaded = yield from models.get(request.model)
    networks = feed_forwards(loaded.model)
    texts = _texts(request.prompts, loaded)
    notes = left_out(texts, len(request.prompts), loaded)
    rule: Rule = "percentile" if request.rule == "percentile" else "threshold"
    counter = Counter(networks, request.branch, rule)

    def run(batch: Sequence[Text]) -> None:
        ids, mask, counted = padded(batch, loaded.device)
        with torch.no_grad(), counter.counting(counted):
            # Without the output layer: logits are not needed.
            output = loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)
        refuse_not_finite(loaded, batch, output.last_hidden_state, mask)

    done = 0
    yield Progress("frequencies", 0, len(texts), request.category)
    for count in run_batches(in_batches(texts), run, loaded, models):
        done += count
        yield Progress("frequencies", done, len(texts), request.category)
    return Frequencies(
        model=request.model.name,
        category=request.category,
        instructions=len(texts),
        tokens=sum(sum(each.counted) for each in texts),
        layers=counter.layers(),
        notes=(*loaded.facts.notes, *notes),
        seconds=time.monotonic() - started,
        device=loaded.facts.device,
        dtype=loaded.facts.dtype,
        rule=rule,
    )


def _texts(prompts: Sequence[str], loaded: LoadedModel) -> list[Text]:
    """The prompts that fit the model."""
    found: list[Text] = []
    window = loaded.facts.context_window
    for index, prompt in enumerate(prompts):
        tokens = loaded.tokenize(prompt)
        if not window or len(tokens) <= window:
            counted = tuple(span is not None for span in tokens.spans)
            found.append(Text(index, tokens.ids, counted))
    return found
