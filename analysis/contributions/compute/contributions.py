"""Direct contributions to one token's logit: the answer to a `ContributionsRequest`."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from analysis.contributions.compute.layout import layout
from analysis.contributions.compute.linearised import read
from analysis.contributions.compute.neurons import Best, best, nearest_components
from analysis.contributions.compute.sums import Sums, added, words_of
from analysis.contributions.request import ContributionsRequest
from analysis.contributions.result import Contributions
from analysis.engine.limits import refuse_too_long
from analysis.engine.loading import LoadedModel
from analysis.engine.memory import free_bytes, readable
from analysis.engine.non_finite import explain_non_finite
from analysis.engine.pool import ModelPool, layer_patterns, layer_weights
from analysis.engine.whereabouts import device_of
from analysis.events import Progress, Steps
from analysis.problems import ProblemError, problem


@dataclass(frozen=True, eq=False)
class Apart:
    """One logit of a model taken apart; see `Contributions` for what the fields mean."""

    token: int
    logit: float
    capped_logit: float | None
    log_p: float
    entropy: float
    direct: Sums
    centred: Sums
    words: np.ndarray
    without_words: list[int]
    best: Best


def contributions(request: ContributionsRequest, models: ModelPool) -> Steps[Contributions]:
    """What every part of a model adds to a token's logit at one position (METHODS 17).

    Raises:
        ProblemError: ``input`` for an unusable prompt or token, ``model`` for a model whose parts
            do not add up to its logit, ``memory``, and what loading raises.
    """
    started = time.monotonic()
    loaded = yield from models.get(request.model)
    prompt = loaded.tokenize(request.prompt, chat_template=request.chat_template)
    response, _ = loaded.response_tokens(request.response_ids)
    chosen = [each for each in (request.token, request.rival) if each is not None]
    loaded.refuse_unknown(chosen)
    refuse_too_long(loaded.facts.context_window, len(prompt), len(response), loaded.facts.name)
    ids = (*prompt.ids, *response.ids)

    def steps() -> Steps[Apart]:
        yield Progress("contributions", 0, None, loaded.facts.name)
        return take_apart(
            loaded.model, ids, request.token, request.rival, request.neurons, loaded.facts.name
        )

    found = yield from models.with_room(loaded, steps, lambda: _too_little(loaded, len(ids)))
    components, cosines = yield from _components(request, found.best, models)
    token, rival = (
        "" if each is None else loaded.response_tokens([each])[0].texts[0]
        for each in (found.token, request.rival)
    )
    return Contributions(
        model=request.model.name,
        prompt=request.prompt,
        prompt_tokens=prompt,
        response_tokens=response,
        token=found.token,
        token_text=token,
        rival=request.rival,
        rival_text=rival,
        logit=found.logit,
        capped_logit=found.capped_logit,
        log_p=found.log_p,
        entropy=found.entropy,
        direct=found.direct.parts,
        centred=found.centred.parts,
        left_over=found.direct.left_over,
        words=found.words,
        neurons=found.best.neurons,
        activations=found.best.activations,
        neuron_contributions=found.best.contributions,
        components=components,
        cosines=cosines,
        notes=(*loaded.facts.notes, *_notes(found)),
        seconds=time.monotonic() - started,
        device=loaded.facts.device,
        dtype=loaded.facts.dtype,
    )


def take_apart(
    model: PreTrainedModel,
    ids: tuple[int, ...],
    token: int | None = None,
    rival: int | None = None,
    neurons: int = 10,
    name: str = "",
) -> Apart:
    """Take apart a logit of what follows a text.

    Args:
        model: A causal language model.
        ids: T ≥ 1 tokens read.
        token: Whose logit; None for the greedy choice.
        rival: Whose logit is subtracted, if any.
        neurons: How many are listed a layer.
        name: What errors call the model; empty for its class.
    """
    parts = layout(model)
    position = read(model, parts, torch.tensor([ids], device=device_of(model)))
    if not bool(position.final.isfinite().all()):
        raise explain_non_finite(model, ids, name)
    final, logits = position.final, position.logits
    log_p = final.double().log_softmax(dim=0)
    p = log_p.exp()
    token = int(final.argmax()) if token is None else token
    if token == rival:
        raise problem(
            "input",
            "A token cannot be its own rival.",
            "The difference of its logit and itself is 0.",
            "Name another token, or no rival.",
        )
    with torch.enable_grad():
        number = logits[token] if rival is None else logits[token] - logits[rival]
        direct = added(model, position, parts, number)
        # The mean logit cancels in a difference of two.
        mean = (p.to(logits.dtype) * logits).sum()
        centred = direct if rival is not None else added(model, position, parts, number - mean)
    words, without_words = words_of(position, direct, len(ids))
    last = final[token] if rival is None else final[token] - final[rival]
    return Apart(
        token=token,
        logit=direct.total,
        capped_logit=float(last) if position.capped else None,
        log_p=float(log_p[token]),
        entropy=float(-(p * log_p).nan_to_num().sum()),
        direct=direct,
        centred=centred,
        words=words,
        without_words=without_words,
        best=best(position, direct, neurons),
    )


def _components(
    request: ContributionsRequest, found: Best, models: ModelPool
) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """The nearest principal component of every neuron listed, int32 and float32 [L, K]."""
    components = np.full(found.neurons.shape, -1, np.int32)
    cosines = np.full(found.neurons.shape, np.nan, np.float32)
    for layer, neurons in enumerate(found.neurons if request.components else ()):
        yield Progress("components", layer, len(found.neurons), "layers")
        listed = neurons >= 0
        if listed.any():
            weights = yield from layer_weights(request.model, layer, models)
            patterns = layer_patterns(weights, request.model, layer, -1)
            nearest = nearest_components(patterns, neurons[listed], request.components)
            components[layer, listed], cosines[layer, listed] = nearest
    return components, cosines


def _notes(found: Apart) -> list[str]:
    notes = []
    if found.capped_logit is not None:
        notes.append(
            f"The model caps its logits: its parts add up to {found.logit:.4g} before the cap, "
            f"which makes {found.capped_logit:.4g} of it."
        )
    if found.without_words:
        notes.append(
            "What heads add by attending to each word is left out in "
            f"{_layers(found.without_words)}: their attention is no weighted mean of values, or "
            "cannot be seen."
        )
    mixtures = [layer for layer, row in enumerate(found.best.neurons) if not (row >= 0).any()]
    if mixtures and found.best.neurons.shape[1]:
        notes.append(
            f"No neurons are listed in {_layers(mixtures)}: of a mixture of experts only the whole "
            "is told."
        )
    return notes


def _layers(layers: list[int]) -> str:
    named = ", ".join(map(str, layers))
    return f"layer {named}" if len(layers) == 1 else f"layers {named}"


def _too_little(loaded: LoadedModel, length: int) -> ProblemError:
    return problem(
        "memory",
        f"The memory of {loaded.device} does not suffice to read this text.",
        f"It has {length:,} tokens; {readable(free_bytes(loaded.device))} are free beside "
        f"{loaded.facts.name}.",
        "Shorten the prompt, or choose --dtype bfloat16 or another device.",
    )
