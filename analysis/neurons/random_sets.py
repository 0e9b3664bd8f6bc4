"""Random sets of neurons that a set is compared with: alike in size, or in activity too.

How random sets are matched is our reading of "critical role" (METHODS 6): by ``layer`` they have as
many neurons in every layer; by ``activity`` each of these stands for one of the set and is about as
often active, so that a set does not seem critical for being active more often than others are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Matched = Literal["layer", "activity"]

NeuronSet = Sequence[Sequence[int]]
"""Per layer the places of some neurons, each once."""

NEAREST = 10
"""By ``activity`` one of so many that are nearest in activity is drawn, our choice."""


def random_sets(
    neurons: NeuronSet,
    units: Sequence[int],
    count: int,
    *,
    seed: int = 0,
    activity: Sequence[NDArray[np.float32]] | None = None,
) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Sets of as many random neurons of every layer, outside the set as long as there are such.

    Args:
        neurons: The set.
        units: How many neurons each layer has.
        count: How many sets.
        seed: Of the sets.
        activity: Per layer [U], how often each neuron is active; None to match by layer alone.
    """
    found = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        layers: list[tuple[int, ...]] = []
        for layer, (own, size) in enumerate(zip(neurons, units, strict=True)):
            outside = rng.permutation(np.setdiff1d(np.arange(size), own))
            inside = rng.permutation(np.unique(own).astype(np.int64))
            if activity is None:
                drawn = np.concatenate([outside, inside])[: len(own)].tolist()
            else:
                drawn = _as_active(own, (outside, inside), activity[layer], rng)
            layers.append(tuple(drawn))
        found.append(tuple(layers))
    return tuple(found)


def mean_activity(neurons: NeuronSet, activity: Sequence[NDArray[np.float32]]) -> float:
    """How often the neurons of a set are active on average; NaN for none."""
    values = [each[list(own)] for own, each in zip(neurons, activity, strict=True)]
    joined = np.concatenate(values)
    return float(joined.mean()) if len(joined) else float("nan")


def _as_active(
    own: Sequence[int],
    pools: Sequence[NDArray[np.int64]],
    activity: NDArray[np.float32],
    rng: np.random.Generator,
) -> list[int]:
    """For each neuron one of the first pool that is about as active; of the next once it is empty.

    Those of equal activity stay in the order of their pool, which is random.
    """
    waiting = [pool[np.argsort(activity[pool], kind="stable")] for pool in pools]
    drawn: list[int] = []
    for neuron in own:
        if not len(waiting[0]):
            del waiting[0]
        left = waiting[0]
        # Sorted by activity, the nearest are next to where the neuron itself would stand.
        place = int(np.searchsorted(activity[left], activity[neuron]))
        start = max(0, place - NEAREST)
        distance = np.abs(activity[left[start : place + NEAREST]] - activity[neuron])
        nearest = np.argsort(distance, kind="stable")[:NEAREST]
        chosen = start + int(rng.choice(nearest))
        drawn.append(int(left[chosen]))
        waiting[0] = np.delete(left, chosen)
    return drawn
