"""Reads one response with both models, and compares what each would say at every place."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from analysis.divergence.compute.reading import Read, read
from analysis.divergence.request import SIDES, DivergenceRequest
from analysis.divergence.result import Divergence, Writer
from analysis.engine.generation import answer_turn, generate, response_ends
from analysis.engine.limits import refuse_too_long
from analysis.engine.loading import LoadedModel
from analysis.engine.memory import free_bytes, readable
from analysis.engine.pool import ModelPool
from analysis.engine.tokenizing import response_tokens, same_tokens
from analysis.events import Progress, Steps
from analysis.models.tokens import Tokens
from analysis.problems import ProblemError, problem

_PLACES = 16
"""How many places are compared at a time: float64 numbers of so many vocabularies are held."""


def divergence(request: DivergenceRequest, models: ModelPool) -> Steps[Divergence]:
    """log p, KL(tuned ‖ base) and both models' choices at every place of a response.

    Each model reads the response once. Differences are taken of float64 log-probabilities.

    Raises:
        ProblemError: ``input`` for an unusable prompt or response, and for models that do not
            share a tokenizer; ``model``, ``memory``, and what loading raises.
    """
    started = time.monotonic()
    pair = (request.base, request.tuned)
    tokenizers = []
    for choice in pair:
        tokenizers.append((yield from models.tokenizer(choice)))
    # Before a response is generated in vain.
    _refuse_other_tokens(request, tokenizers, ())
    tokens, text, ended, writer = yield from _response(request, models)
    _refuse_other_tokens(request, tokenizers, tokens.ids)
    found: list[Read] = []
    for side, choice in enumerate(pair):
        yield Progress("read the response", side, 2, choice.name)
        loaded = yield from models.get(choice)
        found.append((yield from _read(request, models, loaded, side, tokens, ended)))
    yield Progress("read the response", 2, 2, "")
    base, tuned = found
    width = min(base.logits.shape[1], tuned.logits.shape[1])
    notes = dict.fromkeys((*base.notes, *tuned.notes))
    if base.logits.shape[1] != tuned.logits.shape[1]:
        notes[
            f"The vocabularies have {base.logits.shape[1]:,} and {tuned.logits.shape[1]:,} "
            f"entries; probabilities are of the first {width:,}, which both have."
        ] = None
    log_p, kl, choices, choice_log_p = _compared(request, found, tokens.ids, width)
    return Divergence(
        base=request.base.name,
        tuned=request.tuned.name,
        prompt=request.prompt,
        prompt_tokens=(base.prompt, tuned.prompt),
        response=text,
        response_tokens=tokens,
        writer=writer,
        ended=ended,
        log_p=log_p,
        kl=kl,
        choices=choices,
        choice_log_p=choice_log_p,
        texts=_texts(tokenizers[1], choices),
        ends=(tuple(sorted(base.ends)), tuple(sorted(tuned.ends))),
        notes=tuple(notes),
        seconds=time.monotonic() - started,
        device=tuned.device,
        dtype=tuned.dtype,
    )


def _response(
    request: DivergenceRequest, models: ModelPool
) -> Steps[tuple[Tokens, str, bool, Writer]]:
    """The response's tokens and text, whether it is whole, and whose it is."""
    side = SIDES.index(request.writer)
    loaded = yield from models.get((request.base, request.tuned)[side])
    if request.response_ids is not None:
        return (*loaded.response_tokens(request.response_ids), request.ended, request.writer)
    if request.response is not None:
        return loaded.tokenize_response(request.response), request.response, False, "given"
    template = request.chat_template and side == 1
    prompt = loaded.tokenize(request.prompt, chat_template=template)
    refuse_too_long(loaded.facts.context_window, len(prompt), None, loaded.facts.name)
    ends = response_ends(loaded, answer_turn(loaded, chat_template=template))
    ids: list[int] = []
    limit = request.max_new_tokens
    with closing(generate(loaded, prompt.ids, limit, ends)) as steps:
        while True:
            try:
                ids.append(next(steps))
            except StopIteration as stop:
                return (*loaded.response_tokens(ids), stop.value == "end", request.writer)
            yield Progress("generate", len(ids), limit, "response tokens")


def _refuse_other_tokens(
    request: DivergenceRequest,
    tokenizers: Sequence[PreTrainedTokenizerBase],
    ids: tuple[int, ...],
) -> None:
    if not same_tokens(tokenizers[0], tokenizers[1], ids):
        raise problem(
            "input",
            f"{request.base.name} and {request.tuned.name} cut text into tokens in different ways.",
            "What they say is compared token by token.",
            "Choose models with one tokenizer.",
        )


def _read(
    request: DivergenceRequest,
    models: ModelPool,
    loaded: LoadedModel,
    side: int,
    tokens: Tokens,
    ended: bool,
) -> Steps[Read]:
    template = request.chat_template and side == 1
    prompt = loaded.tokenize(request.prompt, chat_template=template)
    refuse_too_long(loaded.facts.context_window, len(prompt), len(tokens), loaded.facts.name)
    places = len(tokens) + ended
    if not places:
        raise problem(
            "input",
            "The response has no tokens.",
            "It is empty, so that the models part nowhere.",
            "Give another response or prompt.",
        )
    ends = response_ends(loaded, answer_turn(loaded, chat_template=template))

    def steps() -> Steps[Read]:
        yield Progress("read the response", side, 2, loaded.facts.name)
        return read(loaded, prompt, tokens, places, ends)

    return (yield from models.with_room(loaded, steps, lambda: _too_little(loaded, places)))


def _too_little(loaded: LoadedModel, places: int) -> ProblemError:
    return problem(
        "memory",
        f"The memory of {loaded.device} does not suffice to read this response.",
        f"It needs the probabilities of {loaded.facts.vocabulary:,} tokens at {places:,} places; "
        f"{readable(free_bytes(loaded.device))} are free beside {loaded.facts.name}.",
        "Give a shorter response, or choose --dtype bfloat16 or another device.",
    )


def _compared(
    request: DivergenceRequest, found: list[Read], ids: tuple[int, ...], width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What `Divergence` calls `log_p`, `kl`, `choices` and `choice_log_p`."""
    places = len(found[0].logits)
    count = min(request.alternatives, width)
    log_p, kl = np.zeros((2, places), np.float32), np.zeros(places, np.float32)
    choices = np.zeros((2, places, count), np.int32)
    choice_log_p = np.zeros((2, 2, places, count), np.float32)
    for start in range(0, places, _PLACES):
        part = slice(start, min(start + _PLACES, places))
        both = [each.logits[part, :width].double().log_softmax(dim=1) for each in found]
        kl[part] = (both[1].exp() * (both[1] - both[0])).sum(dim=1).clamp_min(0).numpy()
        for side, own in enumerate(both):
            log_p[side, part] = _log_p(own, ids[part], found[side].ends)
            best = own.topk(count, dim=1).indices
            choices[side, part] = best.numpy()
            for giver, given in enumerate(both):
                choice_log_p[side, giver, part] = given.gather(1, best).numpy()
    return log_p, kl, choices, choice_log_p


def _log_p(log_probabilities: Tensor, ids: tuple[int, ...], ends: frozenset[int]) -> np.ndarray:
    """float64 [p] of [p, V]: of each token, and where there is none, of ending."""
    found = [row[token] for row, token in zip(log_probabilities, ids, strict=False)]
    for row in log_probabilities[len(ids) :]:
        there = [token for token in sorted(ends) if token < len(row)]
        found.append(row[there].logsumexp(0) if there else row.new_tensor(float("-inf")))
    return np.asarray(torch.stack(found).numpy())


def _texts(tokenizer: PreTrainedTokenizerBase, choices: np.ndarray) -> dict[str, str]:
    every = [int(token) for token in np.unique(choices)]
    return {str(token): response_tokens(tokenizer, [token])[0].texts[0] for token in every}
