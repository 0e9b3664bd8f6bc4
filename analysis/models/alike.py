"""Whether two models can be compared weight by weight."""

from __future__ import annotations

from analysis.models.request import Architecture
from analysis.problems import problem


def check_alike(base: Architecture, tuned: Architecture) -> None:
    """Refuse two models whose layers and heads do not correspond.

    Raises:
        ProblemError: ``input``; describes the shape of each.
    """
    if not base.is_built_like(tuned):
        raise problem(
            "input",
            f"{base.model} and {tuned.model} cannot be compared weight by weight.",
            f"{base.model} is {base.shape()}; {tuned.model} is {tuned.shape()}.",
            "Choose a tuned model that was trained from this base model.",
        )
