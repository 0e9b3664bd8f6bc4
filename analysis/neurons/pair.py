"""The sets of neurons and experts of a pair of models, and their thresholds (METHODS 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, cast

from analysis.neurons.result import Frequencies, Rule
from analysis.neurons.sets import (
    EPSILON,
    EXPERT_EPSILON,
    EXPERT_EPSILONS,
    TAU,
    TOP_SHARE,
    UnitSets,
    check_tau,
    epsilons_of,
    expert_sets,
    grid_row,
    is_mixture,
    neuron_sets,
)
from analysis.problems import problem


@dataclass(frozen=True)
class Thresholds:
    """The criteria for a category to need a unit; all our reading.

    Attributes:
        epsilon: ε: a neuron is specific to an instruction if it is active at this share of its
            tokens, or by percentile, if it is among this share of the most active neurons.
        tau: τ: a category needs a unit that is specific to this share of its instructions.
        expert_epsilon: ε_e: an expert is specific to an instruction if this share of its tokens is
            routed to it.
        rule: Which of the two ε is; experts have a threshold in any case.
    """

    epsilon: float = EPSILON
    tau: float = TAU
    expert_epsilon: float = EXPERT_EPSILON
    rule: Rule = "threshold"

    def __post_init__(self) -> None:
        """Raises ProblemError, ``input``, if one is out of bounds."""
        grid_row(self.epsilon, epsilons_of(self.rule))
        grid_row(self.expert_epsilon, EXPERT_EPSILONS)
        check_tau(self.tau)

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Thresholds:
        """Those given in `options`, the others by default."""
        names = [each.name for each in fields(cls)]
        given = {name: options[name] for name in names if options.get(name) is not None}
        if given.get("rule") == "percentile":
            given.setdefault("epsilon", TOP_SHARE)
        return cls(**cast("dict[str, Any]", given))

    def reading(self, *, mixture: bool) -> str:
        """How the sets were made, in a sentence for readers of the numbers."""
        if self.rule == "threshold":
            where = f"where it is active at {self.epsilon:.0%} of its tokens or more"
        else:
            where = (
                "where the share of its tokens at which it is active is among the highest "
                f"{self.epsilon:.0%} of all layers"
            )
        experts = (
            f", an expert where at least {self.expert_epsilon:.0%} of the tokens are routed to it"
            if mixture
            else ""
        )
        few = f"{self.tau:.0%} of the instructions or more" if self.tau else "any instruction"
        return (
            "Our reading of SPARCOM (METHODS 6; only its abstract was at hand), by the rule "
            f"“{self.rule}”: a neuron is specific to an instruction {where}{experts}, and a "
            f"category's where it is specific to {few}; this last step, τ, is ours."
        )

    def cells(self, units: str) -> tuple[str, float, float]:
        """The rule, ε and τ of neurons or of experts, for `THRESHOLD_CELLS` of an export."""
        if units == "experts":
            return "threshold", self.expert_epsilon, self.tau
        return self.rule, self.epsilon, self.tau


THRESHOLD_CELLS = ("rule", "epsilon", "tau")


@dataclass(frozen=True, eq=False)
class PairSets:
    """The sets of both models of a pair; the same categories in the same order."""

    base: tuple[Frequencies, ...]
    tuned: tuple[Frequencies, ...]
    thresholds: Thresholds

    @property
    def mixture(self) -> bool:
        return is_mixture(self.base)

    @cached_property
    def neurons(self) -> tuple[UnitSets, UnitSets]:
        """Sets of neurons, base and tuned."""
        given = self.thresholds
        base, tuned = (
            neuron_sets(each, given.epsilon, given.tau) for each in (self.base, self.tuned)
        )
        return base, tuned

    @cached_property
    def experts(self) -> tuple[UnitSets, UnitSets]:
        """Sets of experts, base and tuned; empty layers where there are none."""
        given = self.thresholds
        base, tuned = (
            expert_sets(each, given.expert_epsilon, given.tau) for each in (self.base, self.tuned)
        )
        return base, tuned


def pair_sets(
    base: Sequence[Frequencies], tuned: Sequence[Frequencies], thresholds: Thresholds
) -> PairSets:
    """The sets of a pair; raises ProblemError, ``input``, if the two differ in structure."""
    shapes = [[tuple(layer.starts.tolist()) for layer in side[0].layers] for side in (base, tuned)]
    if shapes[0] != shapes[1]:
        raise problem(
            "input",
            f"{base[0].model} and {tuned[0].model} cannot be compared neuron by neuron.",
            "Their feed-forward networks differ in number or width.",
            "Choose a tuned model that was trained from this base model.",
        )
    return PairSets(tuple(base), tuple(tuned), thresholds)
