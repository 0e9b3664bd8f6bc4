"""Tables only the study of components has: halves of instructions, other thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from analysis.neurons.pair import PairSets, Thresholds
from analysis.neurons.result import Frequencies
from analysis.neurons.sets import epsilons_of, neuron_sets
from analysis.neurons.study_data import TAUS
from analysis.neurons.study_text import Within
from analysis.neurons.tables import number
from analysis.table import Cell

WITHIN_COLUMNS = ("model", "category", "other_category", "jaccard")
THRESHOLD_COLUMNS = ("model", "epsilon", "tau", "size", "unique", "general", "jaccard")


def between_halves(found: Sequence[Frequencies], thresholds: Thresholds) -> Within:
    """`WITHIN_COLUMNS` of a model: every first half with every second half.

    `found` holds the first halves of all categories, then the second ones.
    """
    jaccard = neuron_sets(found, thresholds.epsilon, thresholds.tau).jaccard()
    count = len(found) // 2
    return [
        (
            found[a].model,
            found[a].category,
            found[b].category,
            number(jaccard[a, count + b]),
        )
        for a in range(count)
        for b in range(count)
    ]


def by_threshold(pair: PairSets) -> list[tuple[Cell, ...]]:
    """`THRESHOLD_COLUMNS`: sizes over all categories at every ε of the grid and some τ."""
    rows: list[tuple[Cell, ...]] = []
    for found in (pair.base, pair.tuned):
        for epsilon in epsilons_of(pair.thresholds.rule):
            for tau in TAUS:
                sets = neuron_sets(found, epsilon, tau)
                jaccard = sets.jaccard()
                pairs = [jaccard[a, b] for a, b in combinations(range(len(found)), 2)]
                known = [each for each in pairs if not np.isnan(each)]
                rows.append(
                    (
                        *(found[0].model, epsilon, tau),
                        *(int(sets.counts.sum()), int(sets.unique_counts.sum())),
                        int(sets.general_counts.sum()),
                        float(np.mean(known)) if known else None,
                    )
                )
    return rows
