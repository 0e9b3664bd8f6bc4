"""Whether a set of neurons is critical: the effect of silencing it and random sets (METHODS 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.neurons.instructions import InstructionSet
from analysis.neurons.random_sets import Matched, mean_activity, random_sets
from analysis.neurons.request import AblationRequest, AnsweredInstruction
from analysis.neurons.result import Ablation, Frequencies
from analysis.neurons.sets import UnitSets
from analysis.request import ModelChoice
from analysis.table import Table

RANDOM_SETS = 5
"""Number of random sets to compare with, our choice."""

RESAMPLES = 2000
"""Number of bootstrap resamples."""

CONFIDENCE = 0.95
"""Coverage of the bootstrap's percentile interval."""

LEAD = " "
"""Separator of an instruction and its response, our reading: the one in the demo pair's texts."""

MeasuredOn = Literal["own", "others", "own - others"]

COLUMNS = (
    "model",
    "category",
    "neurons",
    "matched",
    "measured_on",
    "instructions",
    "change",
    "change_random",
    "random_lowest",
    "random_highest",
    "effect",
    "effect_low",
    "effect_high",
)


@dataclass(frozen=True)
class Effect:
    """The effect of silencing a category's unique neurons on log p per response token.

    Attributes:
        model: The model's name.
        category: The category of the neurons.
        neurons: Number of neurons.
        matched: What the random sets have in common with them.
        measured_on: Responses of the category itself, of the others, or the difference.
        instructions: Number of instructions measured.
        change: Mean change per response token, in nats, with the set silenced.
        random: The same for each random set.
        effect: `change` minus the mean of `random`; negative if the set matters more.
        low, high: Percentile interval of `effect` from resampling the instructions; None if there
            are fewer than two.
    """

    model: str
    category: str
    neurons: int
    matched: Matched
    measured_on: MeasuredOn
    instructions: int
    change: float
    random: tuple[float, ...]
    effect: float
    low: float | None
    high: float | None


def ablation_request(
    model: ModelChoice,
    sets: UnitSets,
    category: str,
    instructions: InstructionSet,
    *,
    count: int = RANDOM_SETS,
    seed: int = 0,
    activity: Frequencies | None = None,
) -> AblationRequest:
    """A request to silence a category's unique neurons and read all instructions' responses.

    With `activity`, the model's frequencies in the category, each of `count` random sets is active
    at about as many of the category's tokens; None matches by layer alone.
    """
    row = sets.categories.index(category)
    neurons = tuple(tuple(np.flatnonzero(each[row]).tolist()) for each in sets.unique)
    means = None if activity is None else [each.mean for each in activity.layers]
    return AblationRequest(
        model,
        category,
        neurons,
        tuple(
            AnsweredInstruction(each.category, each.prompt, LEAD + each.response)
            for each in instructions.instructions
        ),
        random_sets(neurons, sets.units.tolist(), count, seed=seed, activity=means),
    )


def activity_note(request: AblationRequest, frequencies: Frequencies, matched: Matched) -> str:
    """How active the neurons and the random sets are on the category's instructions."""
    means = [each.mean for each in frequencies.layers]
    random = [mean_activity(each, means) for each in request.random]
    count = sum(map(len, request.neurons))
    return (
        f"The {count:,} neurons unique to {request.category} are active at "
        f"{mean_activity(request.neurons, means):.0%} of the tokens of its instructions on "
        f"average, the random ones, matched by {matched}, at {np.mean(random):.0%}."
    )


def effects(
    found: Ablation, matched: Matched = "layer", *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Effect, ...]:
    """The effects on the category's own responses and on the others', and their difference.

    Per response token, so that long responses do not outweigh short ones (our reading). Groups
    without instructions are left out. `seed` is for the bootstrap, `matched` how random sets were
    drawn.
    """
    own = np.array([each == found.category for each in found.categories], dtype=np.bool_)
    silenced = (found.silenced - found.whole) / found.response_tokens
    random = (found.random - found.whole) / found.response_tokens
    against = silenced - random.mean(axis=0)
    rng = np.random.default_rng(seed)
    drawn: list[NDArray[np.float64]] = []
    result: list[Effect] = []
    groups: tuple[tuple[MeasuredOn, NDArray[np.bool_]], ...] = (("own", own), ("others", ~own))
    for name, group in groups:
        count = int(group.sum())
        if not count:
            continue
        values = against[group]
        drawn.append(
            np.array([values[rng.integers(count, size=count)].mean() for _ in range(resamples)])
        )
        result.append(
            Effect(
                model=found.model,
                category=found.category,
                neurons=found.neurons,
                matched=matched,
                measured_on=name,
                instructions=count,
                change=float(silenced[group].mean()),
                random=tuple(random[:, group].mean(axis=1).tolist()),
                effect=float(values.mean()),
                **_interval(drawn[-1], count),
            )
        )
    if len(result) == 2:
        first, second = result
        result.append(
            Effect(
                model=found.model,
                category=found.category,
                neurons=found.neurons,
                matched=matched,
                measured_on="own - others",
                instructions=first.instructions + second.instructions,
                change=first.change - second.change,
                random=tuple(a - b for a, b in zip(first.random, second.random, strict=True)),
                effect=first.effect - second.effect,
                **_interval(drawn[0] - drawn[1], min(first.instructions, second.instructions)),
            )
        )
    return tuple(result)


def effects_table(found: Sequence[Effect]) -> Table:
    """`COLUMNS`: one row per effect; changes in nats per response token."""
    return Table(
        COLUMNS,
        [
            (
                *(each.model, each.category, each.neurons, each.matched),
                *(each.measured_on, each.instructions),
                *(each.change, float(np.mean(each.random)), min(each.random), max(each.random)),
                *(each.effect, each.low, each.high),
            )
            for each in found
        ],
    )


def _interval(drawn: NDArray[np.float64], count: int) -> dict[str, float | None]:
    if count < 2:
        return {"low": None, "high": None}
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]).tolist()
    return {"low": low, "high": high}
