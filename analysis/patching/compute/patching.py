"""Puts base's states into tuned and tuned's into base, and says what becomes of the choice."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from transformers import PreTrainedTokenizerBase

from analysis.engine.limits import refuse_too_long
from analysis.engine.loading import LoadedModel
from analysis.engine.memory import free_bytes, readable
from analysis.engine.pool import ModelPool
from analysis.engine.tokenizing import response_tokens, same_tokens
from analysis.events import ModelFacts, Progress, Steps
from analysis.models.tokens import Tokens
from analysis.patching.compute.reading import Reading, read
from analysis.patching.compute.runs import Patched, patched, said
from analysis.patching.compute.sites import sites_of
from analysis.patching.compute.wholeness import beside_the_stream
from analysis.patching.request import PatchingRequest
from analysis.patching.result import Patching, Said
from analysis.problems import ProblemError, problem

_One = tuple[float, float, float, int]


class _Side(NamedTuple):
    """One model of the pair, as far as it is known when it is not in use."""

    prompt: Tokens
    reading: Reading
    facts: ModelFacts
    notes: tuple[str, ...]


def patching(request: PatchingRequest, models: ModelPool) -> Steps[Patching]:
    """The choice at a position as each layer's state of the other model leaves it.

    Base reads, tuned reads and is run, base is run: an adapter is turned on once.

    Raises:
        ProblemError: ``input`` for models that do not share layers, width or tokens, and for one
            and the same choice; ``model`` when states cannot be exchanged; ``memory``, and what
            loading raises.
    """
    started = time.monotonic()
    pair = (request.base, request.tuned)
    tokenizers = []
    for choice in pair:
        tokenizers.append((yield from models.tokenizer(choice)))
    _refuse_other_tokens(request, tokenizers, (*request.response_ids, *(request.tokens or ())))
    base = yield from _read(request, models, (yield from models.get(request.base)), 0)
    loaded = yield from models.get(request.tuned)
    tuned = yield from _read(request, models, loaded, 1)
    _refuse_other_layers(request, base.reading, tuned.reading)
    tokens = _tokens(request, base.reading, tuned.reading)
    _refuse_other_tokens(request, tokenizers, tokens)
    into_tuned = yield from _patched(request, models, loaded, tuned, base, tokens)
    loaded = yield from models.get(request.base)
    into_base = yield from _patched(request, models, loaded, base, tuned, tokens)
    both = (into_base, into_tuned)
    alone = [said(each.reading.logits[None], tokens)[0] for each in (base, tuned)]
    points = len(base.reading.states)
    nothing = (math.nan, math.nan, math.nan, -1)
    rows = [[each.said.get(point, nothing) for point in range(points)] for each in both]
    seen = {*tokens, *(row[3] for row in (*alone, *rows[0], *rows[1]) if row[3] >= 0)}
    return Patching(
        base=request.base.name,
        tuned=request.tuned.name,
        prompt=request.prompt,
        prompt_tokens=(base.prompt, tuned.prompt),
        response_tokens=response_tokens(tokenizers[1], request.response_ids)[0],
        part=request.part,
        tokens=tokens,
        texts={str(each): response_tokens(tokenizers[1], [each])[0].texts[0] for each in seen},
        alone=_as_arrays(alone),
        patched=_as_arrays(rows),
        layers=base.reading.sites.layers,
        identity=np.array([each.identity for each in both], np.float32),
        cached=np.array([each.cached for each in both], np.float32),
        notes=_notes(base, tuned, both),
        seconds=time.monotonic() - started,
        device=tuned.facts.device,
        dtype=tuned.facts.dtype,
    )


def _refuse_other_tokens(
    request: PatchingRequest, tokenizers: Sequence[PreTrainedTokenizerBase], ids: Sequence[int]
) -> None:
    if any(each < 0 for each in ids) or not same_tokens(tokenizers[0], tokenizers[1], ids):
        raise problem(
            "input",
            f"{request.base.name} and {request.tuned.name} do not mean the same by a token.",
            "Their tokenizers cut text in different ways, or one of the tokens here is another "
            "in the other.",
            "Choose models with one tokenizer, or another position.",
        )


def _read(
    request: PatchingRequest, models: ModelPool, loaded: LoadedModel, side: int
) -> Steps[_Side]:
    template = request.chat_template and side == 1
    prompt = loaded.tokenize(request.prompt, chat_template=template)
    window, name = loaded.facts.context_window, loaded.facts.name
    refuse_too_long(window, len(prompt), len(request.response_ids) + 1, name)
    loaded.refuse_unknown(request.tokens or ())
    text = (*prompt.ids, *request.response_ids)
    sites = sites_of(loaded.model, request.part)

    def steps() -> Steps[_Side]:
        yield Progress("read the response", side, 2, name)
        reading = read(loaded, text, sites)
        notes = (*loaded.facts.notes, *sites.notes, *beside_the_stream(loaded, sites, text))
        return _Side(prompt, reading, loaded.facts, notes)

    return (yield from models.with_room(loaded, steps, _too_little(loaded, len(text))))


def _patched(
    request: PatchingRequest,
    models: ModelPool,
    loaded: LoadedModel,
    own: _Side,
    donor: _Side,
    tokens: tuple[int, int],
) -> Steps[Patched]:
    # The model may have been loaded anew, and then has other modules.
    sites = sites_of(loaded.model, request.part)
    reading = own.reading.on(sites)

    def steps() -> Steps[Patched]:
        return patched(loaded, reading, donor.reading, tokens, request.memory_budget)

    return (yield from models.with_room(loaded, steps, _too_little(loaded, len(reading.ids))))


def _refuse_other_layers(request: PatchingRequest, base: Reading, tuned: Reading) -> None:
    one, two = base.sites, tuned.sites
    if (one.layers, one.width, len(one.every)) != (two.layers, two.width, len(two.every)):
        raise problem(
            "input",
            f"The states of {request.base.name} and {request.tuned.name} cannot be exchanged.",
            f"One has {one.layers} layers of width {one.width}, the other {two.layers} of width "
            f"{two.width}.",
            "Choose a tuned model that was trained from this base model.",
        )


def _tokens(request: PatchingRequest, base: Reading, tuned: Reading) -> tuple[int, int]:
    """The two tokens that are compared, which both models have and which differ."""
    found = request.tokens or (int(base.logits.argmax()), int(tuned.logits.argmax()))
    if found[0] == found[1]:
        raise problem(
            "input",
            "Both models would choose the same token there."
            if request.tokens is None
            else "The two tokens are one and the same.",
            "There is no choice between two tokens that a layer could carry.",
            "Choose another position, or two tokens.",
        )
    for token in found:
        for reading, choice in ((base, request.base), (tuned, request.tuned)):
            if token >= len(reading.logits):
                raise problem(
                    "input",
                    f"{choice.name} has no token {token}.",
                    f"It gives probabilities to {len(reading.logits):,}.",
                    "Choose another position, or two tokens that both models have.",
                )
    return found


def _as_arrays(rows: Sequence[_One] | Sequence[Sequence[_One]]) -> Said:
    numbers = np.array(rows, np.float64)
    return Said(
        difference=numbers[..., 0].astype(np.float32),
        log_p=numbers[..., 1:3].astype(np.float32),
        top=numbers[..., 3].astype(np.int32),
    )


def _notes(base: _Side, tuned: _Side, both: Sequence[Patched]) -> tuple[str, ...]:
    found = [*base.notes, *tuned.notes]
    found += [note for each in both for note in each.notes]
    widths = [len(each.reading.logits) for each in (base, tuned)]
    if widths[0] != widths[1]:
        found.append(
            f"The vocabularies have {widths[0]:,} and {widths[1]:,} entries; each model's "
            "probabilities are of its own."
        )
    return tuple(dict.fromkeys(found))


def _too_little(loaded: LoadedModel, tokens: int) -> Callable[[], ProblemError]:
    return lambda: problem(
        "memory",
        f"The memory of {loaded.device} does not suffice to read this text.",
        f"It has {tokens:,} tokens; {readable(free_bytes(loaded.device))} are free beside "
        f"{loaded.facts.name}.",
        "Give a shorter text, or choose --dtype bfloat16 or another device.",
    )
