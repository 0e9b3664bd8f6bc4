"""From the command line's model names, options and layers to model choices and layers."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

import msgspec

from analysis.models.references import resolve
from analysis.problems import problem
from analysis.request import ModelChoice
from app.config import Settings


def model_choice(name: str, options: Namespace, settings: Settings) -> ModelChoice:
    """The model a name stands for, with the loading options of the command line.

    Raises:
        ProblemError: The name stands for nothing.
    """
    return msgspec.structs.replace(
        resolve(name, aliases=settings.aliases),
        device=options.device,
        dtype=options.dtype,
        trust_remote_code=options.trust_remote_code,
        allow_pickle=options.allow_pickle,
    )


def pair(options: Namespace, settings: Settings) -> tuple[ModelChoice, ModelChoice]:
    """The base and the tuned model of ``--base`` and ``--tuned``; the demo pair without them.

    Raises:
        ProblemError: One of them is missing or stands for nothing.
    """
    if bool(options.base) != bool(options.tuned):
        missing = "--tuned" if options.base else "--base"
        raise problem("input", f"A pair needs both models; {missing} is missing.")
    return (
        model_choice(options.base or "demo-base", options, settings),
        model_choice(options.tuned or "demo-tuned", options, settings),
    )


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
