"""Which layers a command is about, and running one request a layer."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.models.request import Architecture, ArchitectureRequest, check_alike
from analysis.problems import problem
from analysis.request import ModelChoice
from analysis.session.session import Session
from app.commands.progress import run_with_progress


def architectures(
    session: Session, base: ModelChoice, tuned: ModelChoice
) -> tuple[Architecture, Architecture]:
    """What the two models of a pair are built of.

    Raises:
        ProblemError: One of them cannot be read, or they are not built alike.
    """
    first, second = (run_with_progress(session, ArchitectureRequest(m)) for m in (base, tuned))
    assert isinstance(first, Architecture)
    assert isinstance(second, Architecture)
    check_alike(first, second)
    return first, second


def layers_of(chosen: Sequence[range] | None, count: int) -> list[int]:
    """The layers meant by the command line, rising.

    Raises:
        ProblemError: The model has no such layer.
    """
    if chosen is None:
        return list(range(count))
    layers = sorted({layer for each in chosen for layer in each})
    if layers[-1] >= count:
        raise problem(
            "input",
            f"There is no layer {layers[-1]}.",
            f"The model has {count} layers, 0 to {count - 1}.",
        )
    return layers
