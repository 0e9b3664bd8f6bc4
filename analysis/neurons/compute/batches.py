"""Runs texts in padded batches, with smaller ones when memory runs short."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.engine.loading import LoadedModel
from analysis.engine.memory import Attempt, free_bytes, readable, release
from analysis.engine.non_finite import explain_non_finite, is_finite
from analysis.engine.pool import ModelPool
from analysis.problems import problem

TOKENS = 1024
"""Tokens per batch, padding included."""


@dataclass(frozen=True)
class Text:
    """What the model reads for the instruction at `index` of the request.

    `counted` marks the ids that count: the instruction's own, or the response's.
    """

    index: int
    ids: tuple[int, ...]
    counted: tuple[bool, ...]


def in_batches(texts: Sequence[Text], most_counted: int | None = None) -> list[list[Text]]:
    """Batches of texts by falling length: the largest batch first, with little padding.

    `most_counted` limits the counted tokens in a batch.
    """
    batches: list[list[Text]] = []
    for text in sorted(texts, key=lambda each: -len(each.ids)):
        batch = batches[-1] if batches else []
        counted = sum(sum(each.counted) for each in [*batch, text])
        fits = (len(batch) + 1) * len((batch or [text])[0].ids) <= TOKENS
        if batch and fits and (most_counted is None or counted <= most_counted):
            batch.append(text)
        else:
            batches.append([text])
    return batches


def padded(batch: Sequence[Text], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """int64 [B, T] ids and attention mask, and bool [B, T] counted; padded on the right."""
    shape = (len(batch), max(len(each.ids) for each in batch))
    ids = torch.zeros(shape, dtype=torch.int64)
    mask, counted = torch.zeros_like(ids), torch.zeros(shape, dtype=torch.bool)
    for row, text in enumerate(batch):
        ids[row, : len(text.ids)] = torch.tensor(text.ids)
        mask[row, : len(text.ids)] = 1
        counted[row, : len(text.ids)] = torch.tensor(text.counted)
    return ids.to(device), mask.to(device), counted.to(device)


def run_batches(
    batches: Sequence[Sequence[Text]],
    run: Callable[[Sequence[Text]], None],
    loaded: LoadedModel,
    models: ModelPool,
) -> Generator[int, None, None]:
    """Run the batches one by one, halving those that do not fit in the device's memory.

    The model is unchanged between batches: `run` leaves nothing behind.

    Yields:
        The number of newly finished texts.

    Raises:
        ProblemError: ``memory`` if not even one text fits.
    """
    waiting = list(reversed(batches))
    while waiting:
        batch = waiting.pop()
        with Attempt() as attempt:
            run(batch)
        if not attempt.failed:
            yield len(batch)
            continue
        # Only here, outside the handler, are the partial results no longer referenced.
        release(loaded.device)
        if models.evict_others(loaded.choice):
            waiting.append(batch)
        elif len(batch) > 1:
            half = len(batch) // 2
            waiting += [batch[half:], batch[:half]]
        else:
            raise problem(
                "memory",
                f"The memory of {loaded.device} does not suffice to read an instruction.",
                f"It has {len(batch[0].ids):,} tokens; {readable(free_bytes(loaded.device))} are "
                f"free beside {loaded.facts.name}.",
                "Leave out long instructions, or choose --dtype bfloat16 or another device.",
            )


def refuse_not_finite(
    loaded: LoadedModel, batch: Sequence[Text], values: Tensor, mask: Tensor | None = None
) -> None:
    """Refuse a batch of B texts whose results `values`, [B, ...], are not all finite.

    With `mask`, int64 [B, T], values are [B, T, ...] and those at padding, 0, are ignored. Raises
    NotFiniteError, ``model``, with the reason.
    """
    if is_finite(values if mask is None else values[mask.bool()]):
        return
    for row, text in enumerate(batch):
        own = values[row] if mask is None else values[row, : len(text.ids)]
        if not is_finite(own):
            raise explain_non_finite(loaded.model, text.ids, loaded.facts.name)


def left_out(texts: Sequence[Text], asked: int, loaded: LoadedModel) -> tuple[str, ...]:
    """A note about instructions too long for the model; raises ProblemError if none is left."""
    missing = asked - len(texts)
    why = f"longer than the {loaded.facts.context_window:,} tokens that {loaded.facts.name} reads"
    if not texts:
        raise problem(
            "input",
            "There is no instruction to read.",
            f"All {asked:,} are {why}." if asked else "The category has none.",
            "Choose shorter instructions with --prompts.",
        )
    if not missing:
        return ()
    return (f"{missing:,} of {asked:,} instructions are left out: {why}.",)
