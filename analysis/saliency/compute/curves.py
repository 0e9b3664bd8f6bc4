"""Reads a response with fewer and fewer prompt tokens, and with more and more (METHODS 1)."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.engine.loading import LoadedModel
from analysis.engine.memory import free_bytes, readable
from analysis.engine.passes import exact, frozen, options
from analysis.engine.pool import ModelPool
from analysis.engine.whereabouts import device_of
from analysis.events import Progress, Steps
from analysis.problems import ProblemError, problem
from analysis.saliency.compute.batches import in_batches
from analysis.saliency.compute.cost import Plan, budget_of, shape_of
from analysis.saliency.compute.ends import finite
from analysis.saliency.compute.pieces import Pieces
from analysis.saliency.compute.trials import checked_ids, refuse_what_fails
from analysis.saliency.request import CurvesRequest
from analysis.saliency.result import Curves

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Values: TypeAlias = NDArray[np.float64]

# Well below the two seconds after which an engine that does not answer a cancel is killed.
_BATCH_S = 0.5


def curves(request: CurvesRequest, models: ModelPool) -> Steps[Curves]:
    """Deletion and insertion curves of a response (METHODS 1, faithfulness).

    Raises:
        ProblemError: ``input`` for orders that are not of the same prompt tokens or leave none,
            an empty response, and as `importance`; ``memory``, and what loading raises.
    """
    loaded = yield from models.get(request.model)
    prompt = loaded.tokenize(request.prompt, chat_template=request.chat_template)
    _refuse_orders(request, len(prompt))
    return (
        yield from models.with_room(
            loaded,
            lambda: _read(request, loaded, prompt.ids),
            lambda: _too_little_memory(loaded, len(prompt)),
        )
    )


def _read(request: CurvesRequest, loaded: LoadedModel, ids: tuple[int, ...]) -> Steps[Curves]:
    started = time.monotonic()
    steps = along(
        loaded.model,
        ids,
        request.response_ids,
        request.orders,
        request.steps,
        memory_budget=request.memory_budget,
    )
    with closing(steps):
        while True:
            try:
                done, total = next(steps)
            except StopIteration as stop:
                counts, deletion, insertion, note = stop.value
                break
            yield Progress("curves", done, total, "texts")
    return Curves(
        model=request.model.name,
        counts=counts,
        deletion=deletion,
        insertion=insertion,
        response_tokens=len(request.response_ids),
        device=loaded.facts.device,
        dtype=loaded.facts.dtype,
        note=" ".join((*loaded.facts.notes, note)).strip(),
        seconds=time.monotonic() - started,
    )


def along(
    model: PreTrainedModel,
    prompt_ids: Sequence[int],
    response_ids: Sequence[int],
    orders: Sequence[Sequence[int]],
    steps: int,
    *,
    memory_budget: int | None = None,
) -> Generator[tuple[int, int], None, tuple[NDArray[np.int64], Values, Values, str]]:
    """A response's mean log-probability along orders of K of its prompt's N tokens.

    Texts that several orders share are read once, those of equal length in batches.

    Args:
        model: A causal language model.
        prompt_ids: N token ids.
        response_ids: M ≥ 1 token ids.
        orders: Each the same K < N prompt tokens, by index.
        steps: In how many steps all K are deleted; fewer where there are fewer tokens.
        memory_budget: As in `importance`.

    Yields:
        Texts read so far, and how many there are.

    Returns:
        The counts of tokens, int64 [S + 1], the curves of deletion and of insertion, float64
        [O, S + 1] in nats, and a note for the user; see `Curves`.
    """
    prompt, response = checked_ids(model, prompt_ids, response_ids)
    refuse_what_fails(model, prompt, response, "occlusion")
    counts = _counts(len(orders[0]), steps)
    # [2, O, S + 1, N]: what is there while tokens are deleted, and while they are inserted.
    there = _there(orders, counts, len(prompt))
    texts, which = np.unique(there.reshape(-1, len(prompt)), axis=0, return_inverse=True)
    shortest = np.argsort(texts.sum(axis=1), kind="stable")
    means = np.zeros(len(texts))
    with closing(_likely(model, prompt, response, texts[shortest], memory_budget)) as pieces:
        while True:
            try:
                piece = next(pieces)
            except StopIteration as stop:
                note: str = stop.value
                break
            means[shortest[piece.rows]] = piece.values.double().mean(dim=1).numpy()
            yield piece.rows.stop, len(texts)
    deletion, insertion = means[which.ravel()].reshape(there.shape[:-1])
    return counts, deletion, insertion, note


def _counts(tokens: int, steps: int) -> NDArray[np.int64]:
    """Tokens deleted by the end of each step, from none to all."""
    return np.unique(np.linspace(0, tokens, steps + 1).round().astype(np.int64))


def _there(
    orders: Sequence[Sequence[int]], counts: NDArray[np.int64], length: int
) -> NDArray[np.bool_]:
    # [O, N], the place of each token in each order; tokens in none come after all of them.
    place = np.full((len(orders), length), len(orders[0]))
    for row, order in zip(place, orders, strict=True):
        row[list(order)] = np.arange(len(order))
    stays = place == len(orders[0])
    first = place[:, None, :] < counts[None, :, None]
    return np.stack([~first, first | stays[:, None, :]])


def _likely(
    model: PreTrainedModel,
    prompt: Tensor,
    response: Tensor,
    there: NDArray[np.bool_],
    memory_budget: int | None,
) -> Pieces:
    """log p(y_m | what is there of x, y_<m), a row for each of [B, N], shortest first."""
    device = device_of(model)
    plan = Plan(shape_of(model), len(prompt), len(response), budget_of(memory_budget, model))
    lengths = there.sum(axis=1)
    # No batch has texts of unlike lengths, which would need padding.
    ends = [*np.flatnonzero(np.diff(lengths)) + 1, len(there)]
    read, answered, kept = response[:-1].to(device), response.to(device), torch.from_numpy(there)

    def log_probabilities(start: int, stop: int) -> Tensor:
        with torch.inference_mode(False), torch.no_grad(), frozen(model):
            left = prompt.expand(stop - start, -1)[kept[start:stop]].view(stop - start, -1)
            ids = torch.cat([left.to(device), read.expand(stop - start, -1)], dim=1)
            logits = model(input_ids=ids, **options(model, ids, keep=len(answered))).logits
            logits = logits[:, -len(answered) :]
            known = logits.to(exact(logits.dtype)).log_softmax(dim=-1)
            chosen = answered.to(known.device).expand(stop - start, -1)[..., None]
            return finite(known.gather(2, chosen)[..., 0], model.dtype)

    return (
        yield from in_batches(
            [int(each) for each in ends],
            plan.sequences(),
            device,
            log_probabilities,
            # Where weights come from afar, a batch of one takes as long as a full one.
            seconds=None if plan.shape.away else _BATCH_S,
        )
    )


def _refuse_orders(request: CurvesRequest, length: int) -> None:
    first = set(request.orders[0]) if request.orders else set()
    alike = all(len(each) == len(first) and set(each) == first for each in request.orders)
    if not first or not alike or not first <= set(range(length)):
        raise problem(
            "input",
            "There is nothing to delete in an order.",
            f"The prompt has {length} tokens; every order must have the same of them, each once.",
            "Take a prompt of two tokens or more.",
        )
    if len(first) == length:
        raise problem(
            "input",
            "The orders leave no prompt token.",
            "A response cannot follow on nothing.",
            "Leave one token out of every order.",
        )
    if not request.response_ids or request.steps < 1:
        raise problem(
            "input",
            "There is no curve without a response token and a step.",
            f"The response has {len(request.response_ids)} tokens; steps: {request.steps}.",
            "Let the model write a longer response.",
        )


def _too_little_memory(loaded: LoadedModel, length: int) -> ProblemError:
    return problem(
        "memory",
        f"The memory of {loaded.device} does not suffice to read this response.",
        f"The prompt has {length:,} tokens; {readable(free_bytes(loaded.device))} are free beside "
        f"{loaded.facts.name}.",
        "Shorten the prompt or the response, or choose --dtype bfloat16 or another device.",
    )
