"""The runs of a model into which the other one's states are put, many at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from analysis.engine.limits import number_of, vocabulary_size
from analysis.engine.loading import LoadedModel
from analysis.engine.memory import Attempt, is_out_of_memory, release
from analysis.engine.reasons import reason
from analysis.engine.whereabouts import device_of, free_bytes_of
from analysis.events import Progress, Steps
from analysis.patching.compute.reading import (
    Reading,
    apart,
    cache_bytes,
    last_logits,
    repeated,
    tolerance,
)
from analysis.patching.compute.sites import visited
from analysis.problems import problem

# Most tokens in a batch: work can only be stopped between batches.
_MOST_TOKENS = 4_096
# What a batch may take of the memory that is free.
_SHARE = 0.5
# The runs beside those of each point: the model left alone, and its own states put in everywhere.
_ALONE, _OWN = -2, -1


@dataclass
class Runs:
    """What came of the runs; a run is a point, `_ALONE` or `_OWN`.

    Attributes:
        said: By run, the two tokens' logit difference, log p of each, and the most probable token.
        logits: At least float32 [V] of `_ALONE` and `_OWN`.
        off: How far states computed from the model's own differ from its own, by site.
    """

    said: dict[int, tuple[float, float, float, int]] = field(default_factory=dict)
    logits: dict[int, Tensor] = field(default_factory=dict)
    off: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Patched:
    """The runs of one receiver.

    Attributes:
        said: As `Runs.said`, of the points alone.
        identity: See `Patching.identity`.
        cached: See `Patching.cached`.
        notes: What the user should know.
    """

    said: dict[int, tuple[float, float, float, int]]
    identity: float
    cached: float
    notes: tuple[str, ...]


def patched(
    loaded: LoadedModel, own: Reading, donor: Reading, tokens: tuple[int, int], budget: int | None
) -> Steps[Patched]:
    """Put the donor's state into the model at every point that both have, one run a point.

    The last position alone is run, on the model's own cache of what comes before; where that does
    not give what the whole text gives, the whole text.

    Args:
        loaded: The receiver.
        own: How it reads its text.
        donor: How the other model reads its own.
        tokens: Base's token and tuned's.
        budget: Bytes for a batch; None for a share of what is free.

    Raises:
        ProblemError: ``model`` when a run with the model's own states is not what it is alone.
    """
    name, most, notes = loaded.facts.name, tolerance(loaded.model), []
    found, why = None, own.uncached
    if own.cache is not None:
        try:
            found = yield from _all(loaded, own, donor, tokens, budget, cached=True)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            why = f"it cannot be continued from its cache ({reason(error)})"
        else:
            off = apart(found.logits[_ALONE], own.logits)
            if not off <= most:
                found, why = None, f"its cache changes the logits by {off:.1g} of the largest"
    cached = math.nan
    if found is None:
        notes.append(f"{name} reads the whole text in every run: {why}.")
        found = yield from _all(loaded, own, donor, tokens, budget, cached=False)
    else:
        cached = apart(found.logits[_ALONE], own.logits)
    states = max((float(each) for each in found.off), default=0.0)
    identity = max(states, apart(found.logits[_OWN], found.logits[_ALONE]))
    alone = apart(found.logits[_ALONE], own.logits)
    if not identity <= most or not alone <= most:
        raise problem(
            "model",
            f"{name} is another model with its own states put in.",
            f"They move its numbers by {max(identity, alone):.1g} of the largest, and {most:.1g} "
            "is what rounding explains.",
            "Load it as float32 if it is not; else choose another model.",
        )
    points = {point: said for point, said in found.said.items() if point >= 0}
    lost = sum(not math.isfinite(said[0]) for said in points.values())
    if lost:
        notes.append(f"{lost} runs of {name} leave the range of {loaded.facts.dtype}.")
    return Patched(points, identity, cached, tuple(notes))


def _all(
    loaded: LoadedModel,
    own: Reading,
    donor: Reading,
    tokens: tuple[int, int],
    budget: int | None,
    *,
    cached: bool,
) -> Steps[Runs]:
    both = enumerate(zip(own.states, donor.states, strict=True))
    shared = [point for point, (mine, given) in both if mine is not None and given is not None]
    runs = [_ALONE, _OWN, *shared]
    found, done = Runs(), 0
    batch = _batch(loaded, own, budget, cached=cached)
    while done < len(runs):
        yield Progress("patch", done, len(runs), f"runs of {loaded.facts.name}")
        taken = runs[done : done + batch]
        with Attempt(final=len(taken) == 1) as attempt:
            _run(loaded, own, donor, tokens, taken, found, cached=cached)
        if attempt.failed:
            release(loaded.device)
            batch = len(taken) // 2
            continue
        done += len(taken)
    return found


def _run(
    loaded: LoadedModel,
    own: Reading,
    donor: Reading,
    tokens: tuple[int, int],
    runs: Sequence[int],
    found: Runs,
    *,
    cached: bool,
) -> None:
    """Make some runs, a row each."""
    model, sites, device = loaded.model, own.sites, device_of(loaded.model)
    rows = {run: row for row, run in enumerate(runs)}
    off: list[Tensor] = []
    # What a layer adds may be next to nothing; the stream is compared with its own size.
    largest = max(float(each.abs().max()) for each in own.states if each is not None)

    def put(point: int, seen: Tensor) -> Tensor | None:
        if _OWN not in rows and point not in rows:
            return None
        states, mine = seen.clone(), own.states[point]
        if _OWN in rows and mine is not None:
            mine = mine.to(states)
            moved = (states[rows[_OWN], -1] - mine).abs().max()
            size = mine.abs().max() if sites.stream else largest
            off.append((moved / size).to("cpu", torch.float64))
            states[rows[_OWN], -1] = mine
        given = donor.states[point]
        if point in rows and given is not None:
            states[rows[point], -1] = given.to(states)
        return states

    with visited(sites, model, len(runs), put):
        if cached and own.cache is not None:
            last = torch.tensor([own.ids[-1:]], device=device).expand(len(runs), -1)
            before = len(own.ids) - 1
            logits = last_logits(model, last, repeated(own.cache, len(runs)), before=before)
        else:
            text = torch.tensor([own.ids], device=device).expand(len(runs), -1)
            logits = last_logits(model, text)
    found.off += off
    found.said.update(zip(runs, said(logits, tokens), strict=True))
    found.logits.update({run: logits[rows[run]] for run in (_ALONE, _OWN) if run in rows})


def said(logits: Tensor, tokens: tuple[int, int]) -> list[tuple[float, float, float, int]]:
    """Of each row of logits [B, V], computed in float64: see `Runs.said`."""
    every = []
    for row in logits:
        exactly = row.double()
        log_p = exactly.log_softmax(0)
        base, tuned = tokens
        difference = float(exactly[tuned] - exactly[base])
        finite = bool(log_p.isfinite().any()) and math.isfinite(difference)
        top = int(exactly.argmax()) if finite else -1
        every.append((difference, float(log_p[base]), float(log_p[tuned]), top))
    return every


def _batch(loaded: LoadedModel, own: Reading, budget: int | None, *, cached: bool) -> int:
    """How many runs fit into the memory that a batch may take; at least 1."""
    model, size = loaded.model, loaded.model.dtype.itemsize
    logits = 4 * 4 * vocabulary_size(model)
    if cached and own.cache is not None:
        tokens = 1
        each = cache_bytes(own.cache) + logits
    else:
        tokens = len(own.ids)
        config = model.config.get_text_config()
        wide = 12 * own.sites.width + 4 * number_of(config, "intermediate_size")
        scores = number_of(config, "num_attention_heads") * tokens * tokens
        each = size * (wide * tokens + scores) + logits
    room = int(_SHARE * free_bytes_of(model)) if budget is None else budget
    return max(1, min(room // each, _MOST_TOKENS // tokens))
