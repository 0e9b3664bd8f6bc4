"""The neurons and experts each category of instructions needs, and their change (METHODS 6).

Results store how many instructions reach each ε of a grid (`result.Frequencies`); sets for an ε on
the grid and any τ follow without a model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.neurons.result import Frequencies, Rule
from analysis.problems import problem

EPSILONS = tuple(step / 20 for step in range(1, 21))
"""The grid of ε: shares of an instruction's tokens. Share 0 is omitted, since all reach it."""

TOP_SHARES = tuple(step / 100 for step in range(1, 21))
"""The grid of ε where the rule is a percentile: shares of the neurons of all layers."""

EXPERT_EPSILONS = tuple(step / 100 for step in range(1, 101))
"""The grid of ε_e, finer because each of many experts sees few tokens."""

EPSILON = 0.5
"""ε of neurons, our choice, because we do not know the paper's value."""

TOP_SHARE = 0.05
"""ε where the rule is a percentile, our choice."""

EXPERT_EPSILON = 0.25
"""ε_e of experts, our choice."""

TAU = 0.75
"""τ, our choice: the share of a category's instructions that a neuron must be specific to.

The whole step is ours. With 0 any one instruction is enough.
"""

_ROUNDING = 1e-9

Members = tuple[NDArray[np.bool_], ...]


@dataclass(frozen=True, eq=False)
class UnitSets:
    """A model's set of neurons, or of experts, for each of C categories.

    `members` are per layer bool [C, U]: unit u is in the category's set. Units are neurons at the
    places of `result.LayerFrequencies`, or experts.
    """

    categories: tuple[str, ...]
    members: Members

    @cached_property
    def general(self) -> Members:
        """For each layer bool [U]: in the sets of all categories."""
        return tuple(np.logical_and.reduce(each, axis=0) for each in self.members)

    @cached_property
    def unique(self) -> Members:
        """For each layer bool [C, U]: in this category's set and no other."""
        return tuple(each & (each.sum(axis=0) == 1) for each in self.members)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """int64 [C, L], sizes of the sets by layer."""
        return _sizes(self.members)

    @cached_property
    def unique_counts(self) -> NDArray[np.int64]:
        """int64 [C, L], number of units in no other category's set."""
        return _sizes(self.unique)

    @cached_property
    def general_counts(self) -> NDArray[np.int64]:
        """int64 [L], number of units in the sets of all categories."""
        return np.array([each.sum() for each in self.general], dtype=np.int64)

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """int64 [L], number of units in each layer."""
        return np.array([each.shape[1] for each in self.members], dtype=np.int64)

    @cached_property
    def shared(self) -> NDArray[np.int64]:
        """int64 [C, C], |A ∩ B| over all layers; the diagonal is |A|."""
        count = len(self.categories)
        found = np.zeros((count, count), dtype=np.int64)
        for each in self.members:
            # float64 is exact here, and numpy multiplies integers without BLAS.
            both = each.astype(np.float64)
            found += (both @ both.T).astype(np.int64)
        return found

    def jaccard(self) -> NDArray[np.float64]:
        """float64 [C, C], |A ∩ B| / |A ∪ B|; NaN for two empty sets."""
        sizes = self.shared.diagonal()
        return _ratio(self.shared, sizes[:, None] + sizes[None, :] - self.shared)

    def containment(self) -> NDArray[np.float64]:
        """float64 [C, C], |A ∩ B| / |A|, A by row: the share of A that is in B; NaN for empty A."""
        sizes = self.shared.diagonal()
        return _ratio(self.shared, np.broadcast_to(sizes[:, None], self.shared.shape))


@dataclass(frozen=True, eq=False)
class Alteration:
    """How tuning changed the sets (METHODS 6): int64 [C, L] each.

    Attributes:
        kept: In the base model's set and in the tuned model's.
        lost: In the base model's only.
        gained: In the tuned model's only.
    """

    kept: NDArray[np.int64]
    lost: NDArray[np.int64]
    gained: NDArray[np.int64]

    def jaccard(self) -> NDArray[np.float64]:
        """float64 [C, L], kept / (kept + lost + gained); NaN if both sets are empty."""
        return _ratio(self.kept, self.kept + self.lost + self.gained)

    def over_layers(self) -> Alteration:
        """The same, summed over layers, int64 [C, 1]."""
        kept, lost, gained = (
            each.sum(axis=1, keepdims=True) for each in (self.kept, self.lost, self.gained)
        )
        return Alteration(kept, lost, gained)


def neuron_sets(found: Sequence[Frequencies], epsilon: float, tau: float) -> UnitSets:
    """The neurons specific to at least the share τ of a category's instructions, and to one.

    `found` is one model's, one per category, all by one rule, which says what ε is. Raises
    ProblemError, ``input``, for an ε off the grid of `epsilons_of` or a τ that is no share.
    """
    grid = epsilons_of(found[0].rule if found else "threshold")
    return _sets(found, grid_row(epsilon, grid), tau, "neurons")


def expert_sets(found: Sequence[Frequencies], epsilon: float, tau: float) -> UnitSets:
    """The routed experts that at least the share τ of a category's instructions need.

    An instruction needs an expert if at least the share ε_e, one of `EXPERT_EPSILONS`, of its
    tokens is routed to it. Raises ProblemError as `neuron_sets`.
    """
    return _sets(found, grid_row(epsilon, EXPERT_EPSILONS), tau, "experts")


def alteration(base: UnitSets, tuned: UnitSets) -> Alteration:
    """Kept, lost and gained by category and layer; raises ValueError if the shapes differ."""
    if base.categories != tuned.categories:
        raise ValueError("base and tuned have different categories")
    pairs = list(zip(base.members, tuned.members, strict=True))
    return Alteration(
        kept=_sizes([before & after for before, after in pairs]),
        lost=_sizes([before & ~after for before, after in pairs]),
        gained=_sizes([after & ~before for before, after in pairs]),
    )


def expert_and_neuron(starts: NDArray[np.int64], place: int) -> tuple[int, int]:
    """The expert of a position in a layer, and the neuron's number in it."""
    expert = int(np.searchsorted(starts, place, side="right")) - 1
    return expert, place - int(starts[expert])


def is_mixture(found: Sequence[Frequencies]) -> bool:
    """Whether any layer has experts."""
    return any(len(layer.expert_mean) for each in found for layer in each.layers)


def epsilons_of(rule: Rule) -> tuple[float, ...]:
    """The grid of ε of a rule."""
    return EPSILONS if rule == "threshold" else TOP_SHARES


def grid_row(epsilon: float, grid: Sequence[float]) -> int:
    """An ε's row of `result.LayerFrequencies`; raises ProblemError, ``input``, off the grid."""
    row = round(epsilon / grid[0]) - 1
    if not 0 <= row < len(grid) or not math.isclose(grid[row], epsilon, abs_tol=_ROUNDING):
        raise problem(
            "input",
            f"An ε of {epsilon:g} cannot be looked up.",
            "Frequencies are kept as counts over a grid.",
            f"Choose a multiple of {grid[0]:g}, up to {grid[-1]:g}.",
        )
    return row


def check_tau(tau: float) -> None:
    """Raises ProblemError, ``input``, if τ is out of bounds."""
    if not 0 <= tau <= 1:
        raise problem(
            "input", f"τ is a share of 0 (any instruction) or more, at most 1, not {tau:g}."
        )


def _sets(
    found: Sequence[Frequencies], row: int, tau: float, kind: Literal["neurons", "experts"]
) -> UnitSets:
    check_tau(tau)
    # 0.7 of 10 instructions is 7, despite rounding in float64; of a share of 0 it is still one.
    needed = [max(1, math.ceil(tau * each.instructions - _ROUNDING)) for each in found]
    members = []
    for layers in zip(*(each.layers for each in found), strict=True):
        counts = [
            (layer.reached if kind == "neurons" else layer.expert_reached)[row] for layer in layers
        ]
        members.append(np.array([count >= n for count, n in zip(counts, needed, strict=True)]))
    return UnitSets(tuple(each.category for each in found), tuple(members))


def _sizes(members: Sequence[NDArray[np.bool_]]) -> NDArray[np.int64]:
    return np.stack([each.sum(axis=1) for each in members], axis=1).astype(np.int64)


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    result = np.full(part.shape, np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result
