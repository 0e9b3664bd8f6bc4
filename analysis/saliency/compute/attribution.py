"""Analyses a prompt: its tokens, the model's response, and which prompt tokens mattered."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from typing import Literal, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.engine.generation import TurnEnd, end_tokens, generate, turn_end
from analysis.engine.limits import refuse_too_long
from analysis.engine.loading import LoadedModel
from analysis.engine.memory import free_bytes, readable, release
from analysis.engine.non_finite import NotFiniteError, explain_non_finite
from analysis.engine.pool import ModelPool
from analysis.events import Partial, Progress, Steps
from analysis.models.tokens import Tokens
from analysis.problems import ProblemError, problem
from analysis.saliency.compute.deletion import agreement_with_deletion
from analysis.saliency.compute.importance import (
    Piece,
    Ran,
    Restart,
    Totals,
    importance_pieces,
    totals,
)
from analysis.saliency.compute.totals import Derivative
from analysis.saliency.compute.trials import checked_ids, refuse_what_fails
from analysis.saliency.methods import WAYS
from analysis.saliency.request import AttributionRequest
from analysis.saliency.result import Attribution

# Drawing a map takes time, and nobody can follow more frequent updates.
_PARTIAL_INTERVAL_S = 0.2


def attribute(request: AttributionRequest, models: ModelPool) -> Steps[Attribution]:
    """Importance of every prompt token for every response token (METHODS 1).

    Yields progress and, at most five times a second, the result so far. Importance is NaN while
    the response is being generated; after that only columns not yet computed are.

    Raises:
        ProblemError: ``input`` for an unusable prompt, ``memory`` when the device's does not
            suffice even with only this model on it, and what loading raises.
    """
    loaded = yield from models.get(request.model)
    prompt = loaded.tokenize(request.prompt, chat_template=request.chat_template)
    given, text = _given_response(request, loaded)
    refuse_too_long(
        loaded.facts.context_window,
        len(prompt),
        None if given is None else len(given),
        loaded.facts.name,
    )
    start = Attribution(
        model=request.model.name,
        prompt=request.prompt,
        prompt_tokens=prompt,
        response_tokens=given or Tokens((), (), ()),
        importance=_nothing_yet(prompt, given),
        totals=_no_totals_yet(prompt),
        target=request.target,
        method=request.method,
        device=loaded.facts.device,
        dtype=loaded.facts.dtype,
        ended="running",
        seconds=0.0,
        response=text,
    )
    return (
        yield from models.with_room(
            loaded,
            lambda: _answered(request, loaded, start),
            lambda: _too_little_memory(loaded, len(prompt), given, request.max_new_tokens),
        )
    )


def _answered(
    request: AttributionRequest, loaded: LoadedModel, start: Attribution
) -> Steps[Attribution]:
    ended: Literal["end", "length", "given"] = "given"
    complete = msgspec.structs.replace(start, ended=ended)
    if request.response is None and request.response_ids is None:
        complete, ended = yield from _written(request, loaded, start)
    else:
        yield Partial(complete)
    return (yield from _explained(request, loaded, complete, ended))


def _written(
    request: AttributionRequest, loaded: LoadedModel, start: Attribution
) -> Steps[tuple[Attribution, Literal["end", "length"]]]:
    ids: list[int] = []
    pace = _Pace()
    limit = request.max_new_tokens
    turn = turn_end(loaded.tokenizer) if request.chat_template else TurnEnd(None, "")
    ends = end_tokens(loaded) | ({turn.token} if turn.token is not None else set())
    yield Progress("generate", 0, limit, "response tokens")
    with closing(generate(loaded, start.prompt_tokens.ids, limit, ends)) as steps:
        while True:
            try:
                ids.append(next(steps))
            except StopIteration as stop:
                ended: Literal["end", "length"] = stop.value
                break
            yield Progress("generate", len(ids), limit, "response tokens")
            if pace.is_due():
                yield Partial(_with_response(loaded, start, ids))
    complete = _with_response(loaded, start, ids)
    if turn.text and turn.text in complete.response:
        note = f"The response ran past the end of its turn ({turn.text!r} in the chat template)."
        complete = msgspec.structs.replace(complete, note=note)
    yield Progress("generate", len(ids), len(ids), "response tokens")
    yield Partial(complete)
    return complete, ended


def _explained(
    request: AttributionRequest,
    loaded: LoadedModel,
    complete: Attribution,
    ended: Literal["end", "length", "given"],
) -> Steps[Attribution]:
    """Compute the importance rectangle by rectangle, the totals of a gradient first."""
    if request.totals_only:
        return _summed(request, loaded, complete, ended)
    started = time.monotonic()
    importance = complete.importance.copy()
    complete = msgspec.structs.replace(complete, ended=ended)
    yield Progress("attribute", 0, None)
    pace = _Pace()
    with closing(_pieces(request, loaded, complete)) as pieces:
        while True:
            try:
                piece = next(pieces)
            except StopIteration as stop:
                ran: Ran = stop.value
                break
            if isinstance(piece, Totals):
                complete = msgspec.structs.replace(complete, totals=piece.values.numpy())
                yield Partial(complete)
                continue
            if isinstance(piece, Restart):
                importance[:] = np.nan
                continue
            importance[piece.rows, piece.columns] = piece.values.numpy()
            progress = _progress(importance, piece)
            yield progress
            if progress.done != progress.total and pace.is_due():
                yield Partial(msgspec.structs.replace(complete, importance=importance.copy()))
    if np.isnan(complete.totals).any():
        totals = importance.sum(axis=1, dtype=np.float64).astype(np.float32)
        complete = msgspec.structs.replace(complete, totals=totals)
    complete = msgspec.structs.replace(
        complete,
        importance=importance,
        method=ran.method,
        passes_dtype=ran.dtype,
        note=" ".join((*loaded.facts.notes, complete.note, ran.note)).strip(),
        difference=ran.difference,
        seconds=time.monotonic() - started,
    )
    return (yield from _compared_with_deletion(request, loaded, complete))


def _compared_with_deletion(
    request: AttributionRequest, loaded: LoadedModel, complete: Attribution
) -> Steps[Attribution]:
    """Add how far the map agrees with deletion, unless deletion made it."""
    if not WAYS[request.method].is_derivative:
        return complete
    # The map is on the screen before anything else is computed.
    yield Partial(complete)
    steps = agreement_with_deletion(
        loaded.model,
        complete.prompt_tokens.ids,
        complete.response_tokens.ids,
        complete.importance,
        complete.prompt_tokens.written_by_user(),
        memory_budget=request.memory_budget,
    )
    with closing(steps):
        while True:
            try:
                done, total = next(steps)
            except StopIteration as stop:
                return msgspec.structs.replace(complete, faithfulness=stop.value)
            yield Progress("deletion", done, total, "prompt tokens")


def _summed(
    request: AttributionRequest,
    loaded: LoadedModel,
    complete: Attribution,
    ended: Literal["end", "length", "given"],
) -> Attribution:
    started = time.monotonic()
    prompt, response = complete.prompt_tokens.ids, complete.response_tokens.ids
    quantity = WAYS[request.method].quantity
    try:
        found = totals(
            loaded.model,
            prompt,
            response,
            target=request.target,
            method=cast("Derivative", quantity),
            memory_budget=request.memory_budget,
        )
    except NotFiniteError:
        found = None
    if found is None:
        raise explain_non_finite(loaded.model, (*prompt, *response[:-1]), loaded.facts.name)
    ids = checked_ids(loaded.model, prompt, response)
    # Known since the totals were computed.
    remark = refuse_what_fails(loaded.model, *ids, quantity) if response else ""
    return msgspec.structs.replace(
        complete,
        totals=found.numpy(),
        method="totals" if quantity == "gradient" else f"{quantity}_totals",
        passes_dtype=complete.dtype,
        note=" ".join((*loaded.facts.notes, complete.note, remark)).strip(),
        ended=ended,
        seconds=time.monotonic() - started,
    )


def _progress(importance: NDArray[np.float32], piece: Piece) -> Progress:
    length, count = importance.shape
    cells = int((~np.isnan(importance)).sum())
    if piece.values.shape[1] == count:
        return Progress("attribute", cells // count, length, "prompt tokens")
    return Progress("attribute", cells // length, count, "response tokens")


def _pieces(
    request: AttributionRequest, loaded: LoadedModel, complete: Attribution
) -> Generator[Piece | Totals | Restart, None, Ran]:
    prompt, response = complete.prompt_tokens.ids, complete.response_tokens.ids
    try:
        return (
            yield from importance_pieces(
                loaded.model,
                prompt,
                response,
                method=request.method,
                target=request.target,
                memory_budget=request.memory_budget,
                with_totals=True,
            )
        )
    except NotFiniteError:
        pass
    # Only outside the handler are the half-finished results no longer referenced.
    release(loaded.device)
    raise explain_non_finite(loaded.model, (*prompt, *response[:-1]), loaded.facts.name)


def _given_response(request: AttributionRequest, loaded: LoadedModel) -> tuple[Tokens | None, str]:
    """The response given with the request, and its text; None if the model is to generate one."""
    if request.response_ids is not None:
        return loaded.response_tokens(request.response_ids)
    if request.response is not None:
        return loaded.tokenize_response(request.response), request.response
    return None, ""


def _with_response(loaded: LoadedModel, start: Attribution, ids: list[int]) -> Attribution:
    tokens, text = loaded.response_tokens(ids)
    return msgspec.structs.replace(
        start,
        response_tokens=tokens,
        response=text,
        importance=_nothing_yet(start.prompt_tokens, tokens),
    )


def _nothing_yet(prompt: Tokens, response: Tokens | None) -> NDArray[np.float32]:
    return np.full((len(prompt), len(response or ())), np.nan, dtype=np.float32)


def _no_totals_yet(prompt: Tokens) -> NDArray[np.float32]:
    return np.full(len(prompt), np.nan, dtype=np.float32)


def _too_little_memory(
    loaded: LoadedModel, prompt: int, given: Tokens | None, limit: int
) -> ProblemError:
    response = f"up to {limit:,}" if given is None else f"{len(given):,}"
    return problem(
        "memory",
        f"The memory of {loaded.device} does not suffice to explain this response.",
        f"The prompt has {prompt:,} tokens, the response {response}; "
        f"{readable(free_bytes(loaded.device))} are free beside {loaded.facts.name}.",
        "Shorten the prompt or the response, or choose --dtype bfloat16 or another device.",
    )


class _Pace:
    """Limits how often something happens."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def is_due(self) -> bool:
        """Whether enough time has passed; if so, the interval starts over."""
        now = time.monotonic()
        if now - self._last < _PARTIAL_INTERVAL_S:
            return False
        self._last = now
        return True
