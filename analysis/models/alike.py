"""Whether two models can be compared weight by weight: what is asked before anything else."""

from __future__ import annotations

from analysis.models.request import Architecture, ArchitectureRequest
from analysis.problems import problem
from analysis.request import Ask, ModelChoice


def opening(base: ModelChoice, tuned: ModelChoice) -> list[Ask[Architecture]]:
    """What both models are built of."""
    return [Ask(model.name, (ArchitectureRequest(model),)) for model in (base, tuned)]


def built_alike(base: Architecture, tuned: Architecture) -> Architecture:
    """What both models of a pair are built of.

    Raises:
        ProblemError: ``input`` where layers and heads do not stand for each other; says how each
            is built.
    """
    if not base.is_built_like(tuned):
        raise problem(
            "input",
            f"{base.model} and {tuned.model} cannot be compared weight by weight.",
            f"{base.model} is {base.shape()}; {tuned.model} is {tuned.shape()}.",
            "Choose a tuned model that was trained from this base model.",
        )
    return base
