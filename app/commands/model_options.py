"""From the command line's model names and options to model choices."""

from __future__ import annotations

from argparse import Namespace

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
