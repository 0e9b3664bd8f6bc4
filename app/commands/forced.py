"""The one response that both models read, from a command's options."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from analysis.divergence.request import DivergenceRequest
from analysis.problems import problem
from app.commands import inputs

if TYPE_CHECKING:
    from analysis.divergence.result import Divergence
    from app.config import Settings


def divergence_request(options: Namespace, settings: Settings) -> DivergenceRequest:
    """What is asked of both models, by the options of `options.add_forced_response`.

    Raises ProblemError, ``input``, for an unusable pair, prompt or response.
    """
    base, tuned = inputs.pair(options, settings)
    return DivergenceRequest(
        base,
        tuned,
        inputs.prompt_of(options),
        chat_template=options.chat_template,
        writer=options.response_from,
        response=inputs.response_of(options),
        max_new_tokens=options.max_new_tokens,
    )


def checked_place(read: Divergence, at: int) -> int:
    """A place of a response; raises ProblemError, ``input``, if there is none of that number."""
    if at < read.places:
        return at
    raise problem(
        "input",
        f"There is no place {at} in the response.",
        f"It has {read.places}, 0 to {read.places - 1}.",
        "Name another with --at.",
    )
