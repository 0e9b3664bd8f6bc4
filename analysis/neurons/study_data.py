"""The data behind the tables of the study of components, for recomputing them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from analysis.neurons.result import Ablation, Frequencies
from analysis.neurons.sets import UnitSets, epsilons_of, expert_and_neuron, neuron_sets
from analysis.neurons.tables import PairSets, Thresholds, units_table
from analysis.studies.findings import NamedTable
from analysis.table import Cell, Table

TAUS = (0.0, 0.5, 0.75, 0.9)
HALF_COLUMNS = ("model", "half", "category", "layer", "expert", "neuron")
COMBINATION_COLUMNS = ("model", "epsilon", "tau", "categories", "neurons")
RESPONSE_COLUMNS = (
    "neurons_of",
    "response",
    "category",
    "response_tokens",
    "whole",
    "silenced",
    "random_set",
    "random",
)


def component_data(
    pair: PairSets, halves: Sequence[Sequence[Frequencies]], ablations: Sequence[Ablation]
) -> tuple[NamedTable, ...]:
    """The sets, those of halves, the numbers of neurons by combination of sets, log-probabilities.

    `halves` are for each model the first halves of all categories, then the second ones.
    """
    return (
        NamedTable("members", "Every neuron and expert of every set", units_table(pair)),
        NamedTable(
            "half-members",
            "Every neuron of the sets of halves",
            Table(HALF_COLUMNS, list(_half_rows(halves, pair.thresholds))),
        ),
        NamedTable(
            "combinations",
            "How many neurons are in the sets of just these categories",
            Table(COMBINATION_COLUMNS, list(_combination_rows(pair))),
            note="Neurons in no set are left out.",
        ),
        NamedTable(
            "responses",
            "The log-probability of every reference response",
            Table(RESPONSE_COLUMNS, [row for each in ablations for row in _response_rows(each)]),
            note="In nats, by the whole model, without the neurons unique to a category, and "
            "without each random set.",
        ),
    )


def _half_rows(
    halves: Sequence[Sequence[Frequencies]], thresholds: Thresholds
) -> Iterator[tuple[Cell, ...]]:
    for found in halves:
        if not found:
            continue
        sets = neuron_sets(found, thresholds.epsilon, thresholds.tau)
        for row, each in enumerate(found):
            half = "first" if row < len(found) // 2 else "second"
            for layer, here in enumerate(each.layers):
                for place in np.flatnonzero(sets.members[layer][row]).tolist():
                    expert, neuron = expert_and_neuron(here.starts, place)
                    shown = expert if len(here.expert_mean) else None
                    yield each.model, half, each.category, layer, shown, neuron


def _combination_rows(pair: PairSets) -> Iterator[tuple[Cell, ...]]:
    for found in (pair.base, pair.tuned):
        for epsilon in epsilons_of(pair.thresholds.rule):
            for tau in TAUS:
                counts = _combinations(neuron_sets(found, epsilon, tau))
                for categories, count in sorted(counts.items()):
                    yield found[0].model, epsilon, tau, categories, count


def _combinations(sets: UnitSets) -> Counter[str]:
    """Names of categories → number of neurons in exactly these categories' sets."""
    counts: Counter[str] = Counter()
    for members in sets.members:
        kinds, numbers = np.unique(members.T, axis=0, return_counts=True)
        for kind, number in zip(kinds, numbers.tolist(), strict=True):
            names = [name for name, has in zip(sets.categories, kind, strict=True) if has]
            if names:
                counts["; ".join(names)] += number
    return counts


def _response_rows(found: Ablation) -> Iterator[tuple[Cell, ...]]:
    for number, category in enumerate(found.categories):
        for drawn in range(len(found.random)):
            yield (
                *(found.category, number, category, int(found.response_tokens[number])),
                *(float(found.whole[number]), float(found.silenced[number])),
                *(drawn, float(found.random[drawn, number])),
            )
