"""Totals of prompt and thinking for what follows them, one backward pass a segment (METHODS 1)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.engine.limits import refuse_too_long
from analysis.engine.loading import LoadedModel
from analysis.engine.memory import free_bytes, readable
from analysis.engine.non_finite import NotFiniteError, explain_non_finite
from analysis.engine.passes import exact, frozen, options
from analysis.engine.pool import ModelPool
from analysis.engine.whereabouts import device_of
from analysis.events import Progress, Steps
from analysis.models.tokens import Tokens
from analysis.problems import ProblemError, problem
from analysis.saliency.compute.totals import totals
from analysis.saliency.request import SegmentsRequest
from analysis.saliency.segments import Segments
from analysis.saliency.thinking import Parted, parted

_STEPS = 3


def segments(request: SegmentsRequest, models: ModelPool) -> Steps[Segments]:
    """What each token weighs for the thinking and for the answer, and what their deletion costs.

    Raises:
        ProblemError: ``input`` for an unusable prompt or an empty response, ``memory``, ``model``
            for one that cannot be differentiated, and what loading raises.
    """
    loaded = yield from models.get(request.model)
    prompt = loaded.tokenize(request.prompt, chat_template=request.chat_template)
    response, _ = loaded.response_tokens(request.response_ids)
    if not len(response):
        raise problem("input", "The response has no tokens.", "", "Give another response.")
    refuse_too_long(loaded.facts.context_window, len(prompt), len(response), loaded.facts.name)
    return (
        yield from models.with_room(
            loaded,
            lambda: _found(request, loaded, prompt, response),
            lambda: _too_little(loaded, prompt, response),
        )
    )


def _too_little(loaded: LoadedModel, prompt: Tokens, response: Tokens) -> ProblemError:
    return problem(
        "memory",
        f"The memory of {loaded.device} does not suffice to explain this response.",
        f"The prompt has {len(prompt):,} tokens, the response {len(response):,}; "
        f"{readable(free_bytes(loaded.device))} are free beside {loaded.facts.name}.",
        "Shorten the prompt or the response, or choose --dtype bfloat16 or another device.",
    )


def _found(
    request: SegmentsRequest, loaded: LoadedModel, prompt: Tokens, response: Tokens
) -> Steps[Segments]:
    started = time.monotonic()
    special = loaded.tokenizer.added_tokens_decoder
    told = parted(prompt, response, {token: str(each) for token, each in special.items()})
    kinds = told.kinds
    begins = kinds.index("answer") if "answer" in kinds else len(kinds)
    yield Progress("attribute", 0, _STEPS, "segments")
    for_thinking = _totals(request, loaded, prompt.ids, response.ids[:begins], told, "thinking")
    yield Progress("attribute", 1, _STEPS, "segments")
    before = (*prompt.ids, *response.ids[:begins])
    for_answer = _totals(request, loaded, before, response.ids[begins:], told, "answer", begins)
    yield Progress("attribute", 2, _STEPS, "segments")
    log_p, without = _deleted(loaded, prompt, response, told, begins)
    return Segments(
        model=request.model.name,
        prompt=request.prompt,
        prompt_tokens=prompt,
        response_tokens=response,
        kinds=kinds,
        family=told.family,
        for_thinking=for_thinking,
        for_answer=for_answer,
        log_p=log_p,
        log_p_without=without,
        method=request.method,
        notes=loaded.facts.notes,
        seconds=time.monotonic() - started,
        device=loaded.facts.device,
        dtype=loaded.facts.dtype,
    )


def _totals(
    request: SegmentsRequest,
    loaded: LoadedModel,
    before: Sequence[int],
    behind: Sequence[int],
    told: Parted,
    kind: str,
    start: int = 0,
) -> NDArray[np.float32]:
    """float32 [len(before)]: totals for the tokens of a kind among those behind; NaN for none."""
    spans = _runs([each == kind for each in told.kinds[start : start + len(behind)]])
    if not spans:
        return np.full(len(before), np.nan, np.float32)
    try:
        found = totals(
            loaded.model,
            before,
            behind,
            spans=spans,
            method=request.method,
            memory_budget=request.memory_budget,
        )
    except NotFiniteError:
        ids = (*before, *behind[:-1])
        raise explain_non_finite(loaded.model, ids, loaded.facts.name) from None
    return np.asarray(found.double().sum(dim=1).float().numpy(), dtype=np.float32)


def _runs(chosen: Sequence[bool]) -> list[tuple[int, int]]:
    """The stretches of True, (start, stop) each."""
    found, at = [], 0
    for inside, group in groupby(chosen):
        count = len(list(group))
        if inside:
            found.append((at, at + count))
        at += count
    return found


def _deleted(
    loaded: LoadedModel, prompt: Tokens, response: Tokens, told: Parted, begins: int
) -> tuple[dict[str, float], dict[str, float]]:
    """log p of thinking and answer, and the same with other segments' tokens deleted."""
    written = [span is not None for span in prompt.spans] or [True] * len(prompt)
    names = ["prompt" if own else "template" for own in written] + list(told.kinds)
    ids = (*prompt.ids, *response.ids)
    log_p: dict[str, float] = {}
    without: dict[str, float] = {}
    for target, deleted in (
        ("thinking", ("prompt",)),
        ("answer", ("prompt", "thinking")),
    ):
        if target not in told.kinds:
            continue
        for gone in (None, *deleted):
            kept = [n for n, name in enumerate(names) if name != gone]
            value = _log_p([ids[n] for n in kept], [names[n] == target for n in kept], loaded)
            if value is None:
                continue
            if gone is None:
                log_p[target] = value
            elif gone in names:
                without[f"{gone} {target}"] = value
    return log_p, without


def _log_p(ids: Sequence[int], counted: Sequence[bool], loaded: LoadedModel) -> float | None:
    """log p of the counted tokens given all before them, in nats; None if one has none."""
    if counted[0]:
        return None
    first = counted.index(True)
    with torch.inference_mode(), frozen(loaded.model):
        fed = torch.tensor([ids[:-1]], device=device_of(loaded.model))
        keep = len(ids) - first
        logits = loaded.model(input_ids=fed, **options(loaded.model, fed, keep=keep)).logits
        logits = logits[0, -keep:]
        answered = torch.tensor(ids[first:], device=logits.device)
        said = logits.to(exact(logits.dtype)).log_softmax(dim=1).gather(1, answered[:, None])[:, 0]
        chosen = torch.tensor(counted[first:], device=logits.device)
        return float(said[chosen].double().sum())
