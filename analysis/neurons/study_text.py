"""The sentences and figures of the study of components."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from analysis.neurons.ablation_effects import CONFIDENCE, Effect
from analysis.neurons.pair import PairSets
from analysis.neurons.sets import Alteration, UnitSets, alteration
from analysis.neurons.tables import number
from analysis.statistics.effects import Effect as EffectSize
from analysis.statistics.inference import SIGNIFICANT, pairing_p_value
from analysis.studies.findings import Figure, Series
from analysis.studies.sentences import p_in_words
from analysis.studies.testing import Claim, Hypothesis

Within = Sequence[tuple[str, str, str, float | None]]


def overlap_statements(pair: PairSets, within: Sequence[Within]) -> tuple[str, ...]:
    """How large both models' sets are, and how much they share within and across categories."""
    sentences: list[str] = []
    for found, sets in zip((pair.base, pair.tuned), pair.neurons, strict=True):
        sizes = sets.counts.sum(axis=1)
        sentences.append(
            f"{found[0].model}: of {int(sets.units.sum()):,} neurons a category needs "
            f"{int(sizes.min()):,} to {int(sizes.max()):,}; {int(sets.general_counts.sum()):,} "
            f"are general, {int(sets.unique_counts.sum()):,} unique to one category."
        )
    for rows in within:
        same = [value for _, a, b, value in rows if a == b and value is not None]
        other = [value for _, a, b, value in rows if a != b and value is not None]
        if same and other:
            begin = (
                f"{rows[0][0]}: the sets of two halves of a category's instructions have a "
                f"Jaccard index of {_mean_and_range(same)}, those of halves of two categories "
                f"{_mean_and_range(other)}"
            )
            sentences.append(_on_pairing(begin, rows, float(np.mean(same) - np.mean(other))))
    return tuple(sentences)


def alteration_statements(pair: PairSets) -> tuple[str, ...]:
    """What tuning altered, overall and in the layers that kept most and least."""
    found = alteration(*pair.neurons)
    kept, lost, gained = (each.sum(axis=0) for each in (found.kept, found.lost, found.gained))
    every = kept + lost + gained
    if not every.sum():
        return ("No category needs any neuron, before tuning or after.",)
    sentences = [
        f"From base to tuned, over all categories, {int(kept.sum()):,} places in sets are kept, "
        f"{int(lost.sum()):,} lost and {int(gained.sum()):,} gained: a Jaccard index of "
        f"{kept.sum() / every.sum():.2f}."
    ]
    layers = np.flatnonzero(every)
    shares = kept[layers] / every[layers]
    sentences.append(
        f"Least altered is layer {layers[shares.argmax()]} (Jaccard index {shares.max():.2f}), "
        f"most altered layer {layers[shares.argmin()]} ({shares.min():.2f})."
    )
    return tuple(sentences)


def ablation_statements(measured: Sequence[Effect]) -> tuple[str, ...]:
    """How each category's unique neurons affect its own responses and the others'."""
    sentences: list[str] = []
    for category in dict.fromkeys(each.category for each in measured):
        own = [each for each in measured if each.category == category]
        parts = [f"{_GROUPS[each.measured_on]} {_interval(each)}" for each in own]
        sentences.append(
            f"{own[0].model} without the {own[0].neurons:,} neurons unique to {category}, beside "
            f"random ones, in nats per response token: {'; '.join(parts)}."
        )
    clear = [
        each.category
        for each in measured
        if each.measured_on == "own" and each.high is not None and each.high < 0
    ]
    if measured:
        total = len({each.category for each in measured})
        sentences.append(
            f"The interval of the effect on the own responses lies below zero for {len(clear)} of "
            f"{total} categories{': ' + ', '.join(clear) if clear else _NONE_NEEDED}."
        )
    return tuple(sentences)


def size_figure(model: str, sets: UnitSets) -> Figure:
    return Figure(
        "sizes",
        f"Neurons that each category needs in {model}, by layer",
        "layer",
        "neurons",
        tuple(
            Series(category, _layers(sets.counts[row]), tuple(sets.counts[row].tolist()))
            for row, category in enumerate(sets.categories)
        ),
    )


def alteration_figure(found: Alteration, categories: Sequence[str]) -> Figure:
    """Jaccard index of base and tuned by layer, one line per category."""
    jaccard = found.jaccard()
    return Figure(
        "alteration",
        "Jaccard index of the sets of base and tuned, by layer",
        "layer",
        "Jaccard index",
        tuple(
            Series(category, _layers(jaccard[row]), tuple(map(number, jaccard[row].tolist())))
            for row, category in enumerate(categories)
        ),
    )


def ablation_figure(measured: Sequence[Effect]) -> Figure:
    groups = [each for each in _GROUPS if each != "own - others"]
    series = []
    for group in groups:
        found = [each for each in measured if each.measured_on == group]
        names = tuple(each.category for each in found)
        series.append(Series(_GROUPS[group], names, tuple(each.effect for each in found)))
    return Figure(
        "ablation",
        "Effect of silencing the neurons unique to a category",
        "category of the neurons",
        "change in log p beside random neurons (nats per token)",
        tuple(each for each in series if each.x),
        kind="bars",
    )


_NONE_NEEDED = ": none is shown to need its unique neurons more than random ones"
_GROUPS = {
    "own": "own responses",
    "others": "responses of the others",
    "own - others": "the difference",
}


def _on_pairing(begin: str, rows: Within, difference: float) -> str:
    """Whether a category's halves are more alike than halves paired at random."""
    values = [math.nan if value is None else value for *_, value in rows]
    p_value = pairing_p_value(np.reshape(values, (math.isqrt(len(values)),) * 2))
    if p_value is None:
        return f"{begin}."
    more = "more alike" if p_value < SIGNIFICANT else "not shown to be more alike"
    what = f"{rows[0][0]}: halves of one category more alike than of two"
    return Claim(
        f"{begin}; halves of one category are {more} than halves paired at random, "
        f"{p_in_words(p_value)} (permutation test).",
        Hypothesis(
            what,
            p_value,
            "permutation test over pairings of halves, one-sided",
            EffectSize("difference of mean Jaccard indices", difference),
        ),
    )


def _layers(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(range(len(values)))


def _mean_and_range(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f} on average ({min(values):.2f} to {max(values):.2f})"


def _interval(effect: Effect) -> str:
    if effect.low is None or effect.high is None:
        return f"{effect.effect:+.4f} (one instruction)"
    return (
        f"{effect.effect:+.4f} ({CONFIDENCE:.0%} interval {effect.low:+.4f} to {effect.high:+.4f})"
    )
