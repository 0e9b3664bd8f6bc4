"""Random sets of neurons to compare a set with, matched in size or also in activity.

Matching is our reading of "critical role" (METHODS 6): by ``layer``, random sets have as many
neurons in every layer; by ``activity``, each random neuron also replaces one of the set that is
about as active, so that a set does not seem critical merely because it is more active than others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Matched = Literal["layer", "activity"]

NeuronSet = Sequence[Sequence[int]]
"""For each layer the positions of some neurons, without repetition."""

NEAREST = 10
"""Number of neurons nearest in activity from which ``activity`` draws one, our choice."""


def random_sets(
    neurons: NeuronSet,
    units: Sequence[int],
    count: int,
    *,
    seed: int = 0,
    activity: Sequence[NDArray[np.float32]] | None = None,
) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Sets with as many random neurons in every layer, drawn outside the set while any are left.

    `units` are the layers' numbers of neurons. `activity` is for each layer [U], how often each
    neuron is active; None to match by layer alone.
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
    """Mean activity of the neurons of a set; NaN for an empty set."""
    values = [each[list(own)] for own, each in zip(neurons, activity, strict=True)]
    joined = np.concatenate(values)
    return float(joined.mean()) if len(joined) else float("nan")


def _as_active(
    own: Sequence[int],
    pools: Sequence[NDArray[np.int64]],
    activity: NDArray[np.float32],
    rng: np.random.Generator,
) -> list[int]:
    """For each neuron a random one of similar activity, from the next pool once one is empty.

    Neurons of equal activity stay in the order of their pool, which is random.
    """
    waiting = [pool[np.argsort(activity[pool], kind="stable")] for pool in pools]
    drawn: list[int] = []
    for neuron in own:
        if not len(waiting[0]):
            del waiting[0]
        left = waiting[0]
        # In a pool sorted by activity, the nearest are next to the neuron's own position.
        place = int(np.searchsorted(activity[left], activity[neuron]))
        start = max(0, place - NEAREST)
        distance = np.abs(activity[left[start : place + NEAREST]] - activity[neuron])
        nearest = np.argsort(distance, kind="stable")[:NEAREST]
        chosen = start + int(rng.choice(nearest))
        drawn.append(int(left[chosen]))
        waiting[0] = np.delete(left, chosen)
    return drawn
