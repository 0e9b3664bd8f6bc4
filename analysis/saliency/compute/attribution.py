"""Analyses a prompt: its tokens, the model's response, and which prompt tokens mattered."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from typing import Literal, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.engine.generation import answer_turn, generate, response_ends
from analysis.engine.limits import refuse_too_long
from analysis.engine.loading import LoadedModel
from analysis.engine.memory import free_bytes, readable, release
from analysis.engine.non_finite import NotFiniteError, explain_non_finite
from analysis.engine.pool import ModelPool
from analysis.engine.tokenizing import same_tokens
from analysis.events import Partial, Pause, Progress, Steps
from analysis.models.tokens import Tokens
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice
from analysis.saliency.compute.begun import Begun
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
    the response is being generated; after that only columns not yet computed are. It pauses
    behind the response and behind the totals. One that was closed goes on where it was.

    Raises:
        ProblemError: ``input`` for an unusable prompt, ``memory`` when the device's does not
            suffice even with only this model on it, and what loading raises.
    """
    loaded = yield from models.get(request.model)
    prompt = loaded.tokenize(request.prompt, chat_template=request.chat_template)
    given, text, note = yield from _given_response(request, loaded, models)
    refuse_too_long(
        loaded.facts.context_window,
        len(prompt),
        None if given is None else len(given),
        loaded.facts.name,
    )
    key = request.key([(yield from models.place(request.model)).mark])
    begun = models.kept(key, Begun)
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
        note=note,
    )
    found = yield from models.with_room(
        loaded,
        lambda: _answered(request, loaded, start, begun),
        lambda: _too_little_memory(loaded, len(prompt), given, request.max_new_tokens),
    )
    models.forget(key)
    return found


def _answered(
    request: AttributionRequest, loaded: LoadedModel, start: Attribution, begun: Begun
) -> Steps[Attribution]:
    if begun.complete is not None:
        # It may have been asked under another name.
        begun.complete = msgspec.structs.replace(begun.complete, model=start.model)
        yield Partial(begun.shown)
    elif request.response is not None or request.response_ids is not None:
        begun.complete = msgspec.structs.replace(start, ended="given")
        yield Partial(begun.complete)
    else:
        begun.complete = yield from _written(request, loaded, start, begun.ids)
        # The other model's response before anything is explained.
        yield Pause()
    return (yield from _explained(request, loaded, begun))


def _written(
    request: AttributionRequest, loaded: LoadedModel, start: Attribution, ids: list[int]
) -> Steps[Attribution]:
    """Write the response, going on behind these ids, which grow."""
    pace = _Pace()
    limit = request.max_new_tokens
    turn = answer_turn(loaded, chat_template=request.chat_template)
    ends = response_ends(loaded, turn)
    yield Progress("generate", len(ids), limit, "response tokens")
    so_far = (*start.prompt_tokens.ids, *ids)
    with closing(generate(loaded, so_far, limit - len(ids), ends)) as steps:
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
    complete = msgspec.structs.replace(complete, ended=ended)
    yield Partial(complete)
    return complete


def _explained(
    request: AttributionRequest, loaded: LoadedModel, begun: Begun
) -> Steps[Attribution]:
    """Compute the importance rectangle by rectangle, the totals of a gradient first."""
    if request.totals_only:
        return _summed(request, loaded, begun.answer)
    with begun.timed():
        ran = yield from _mapped(request, loaded, begun)
    complete, importance = begun.answer, begun.answer.importance
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
        seconds=begun.seconds,
    )
    return (yield from _compared_with_deletion(request, loaded, complete))


def _mapped(request: AttributionRequest, loaded: LoadedModel, begun: Begun) -> Steps[Ran]:
    """Fill in what is missing of the map."""
    importance = begun.answer.importance
    yield Progress("attribute", 0, None)
    pace = _Pace()
    with closing(_pieces(request, loaded, begun)) as pieces:
        while True:
            try:
                piece = next(pieces)
            except StopIteration as stop:
                ran: Ran = stop.value
                return ran
            if isinstance(piece, Totals):
                begun.take_totals(piece)
                yield Partial(begun.shown)
                # The other model's totals before either map.
                yield Pause()
                continue
            if isinstance(piece, Restart):
                importance[:] = np.nan
                continue
            importance[piece.rows, piece.columns] = piece.values.numpy()
            progress = _progress(importance, piece)
            yield progress
            if progress.done != progress.total and pace.is_due():
                yield Partial(begun.shown)


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


def _summed(request: AttributionRequest, loaded: LoadedModel, complete: Attribution) -> Attribution:
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
        seconds=time.monotonic() - started,
    )


def _progress(importance: NDArray[np.float32], piece: Piece) -> Progress:
    length, count = importance.shape
    cells = int((~np.isnan(importance)).sum())
    if piece.values.shape[1] == count:
        return Progress("attribute", cells // count, length, "prompt tokens")
    return Progress("attribute", cells // length, count, "response tokens")


def _pieces(
    request: AttributionRequest, loaded: LoadedModel, begun: Begun
) -> Generator[Piece | Totals | Restart, None, Ran]:
    prompt, response = begun.answer.prompt_tokens.ids, begun.answer.response_tokens.ids
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
                totals_known=begun.totals,
                known_map=begun.answer.importance,
            )
        )
    except NotFiniteError:
        pass
    # Only outside the handler are the half-finished results no longer referenced.
    release(loaded.device)
    raise explain_non_finite(loaded.model, (*prompt, *response[:-1]), loaded.facts.name)


def _given_response(
    request: AttributionRequest, loaded: LoadedModel, models: ModelPool
) -> Steps[tuple[Tokens | None, str, str]]:
    """The response given with the request, its text, and a note; None if the model is to write."""
    ids, text, note = request.response_ids, request.response, ""
    if ids is not None and text is not None and isinstance(request.written_by, ModelChoice):
        writer = yield from models.tokenizer(request.written_by)
        if not same_tokens(writer, loaded.tokenizer, ids):
            ids = None
            note = (
                f"The response was written by {request.written_by.name} in tokens of its own; its "
                "text was cut into tokens of this model."
            )
    if ids is not None:
        return (*loaded.response_tokens(ids), note)
    if text is not None:
        return loaded.tokenize_response(text), text, note
    return None, "", note


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
