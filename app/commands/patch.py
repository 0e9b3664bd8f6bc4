"""``insttui patch``: which layers carry the choice where base and tuned part, as CSV."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.commands.options import (
    add_forced_response,
    add_model_options,
    add_output,
    add_pair,
    add_place,
)

if TYPE_CHECKING:
    from analysis.divergence.result import Divergence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--part",
        choices=("stream", "attention", "feed-forward", "all"),
        default="stream",
        help="what of a layer comes from the other model: the residual stream after it, what its "
        "attention or its feed-forward network alone writes, or each in turn",
    )
    add_pair(parser)
    add_forced_response(parser)
    add_place(parser)
    add_output(parser, document="all that is known, an object a part")
    add_model_options(parser)


def run(options: argparse.Namespace) -> int:
    """Find the position, and put either model's states there into the other."""
    from msgspec.structs import replace

    from analysis.patching.request import PARTS, PatchingRequest
    from analysis.patching.sentences import finding
    from analysis.patching.tables import as_json, patching_table
    from app.commands.forced import divergence_request
    from app.commands.output import say, write_table
    from app.commands.session import run_with_progress, session
    from app.config import load_settings

    asked = divergence_request(options, load_settings())
    wanted = [each for each in PARTS if options.part in (each.replace("_", "-"), "all")]
    with session(options) as opened:
        parted = run_with_progress(opened, asked)
        at = _chosen(parted, options.at)
        request = PatchingRequest(
            asked.base,
            asked.tuned,
            asked.prompt,
            chat_template=asked.chat_template,
            response_ids=parted.response_tokens.ids[:at],
            tokens=(parted.choice(0, at)[0], parted.choice(1, at)[0]),
        )
        every = [run_with_progress(opened, replace(request, part=part)) for part in wanted]
    before = "".join(parted.response_tokens.texts[:at])
    notes = [note for found in every for note in found.notes]
    findings = [sentence for found in every for sentence in finding(found)]
    where = f"after “{before}”" if at else "the first of the response"
    where = f"The choice is of token {at}, {where}."
    say(*dict.fromkeys((*parted.notes, *notes, where, *findings)))
    write_table(patching_table(every), options, lambda: as_json(every))
    return 0


def _chosen(parted: Divergence, at: int | None) -> int:
    """The place asked for, where the choices differ; raises ProblemError if there is none."""
    from analysis.problems import problem
    from app.commands.forced import checked_place

    if at is None and parted.first is None:
        raise problem(
            "input",
            f"{parted.base} and {parted.tuned} prefer the same token at every place.",
            f"The response has {parted.places}.",
            "Give another prompt or response.",
        )
    first = parted.first if at is None else at
    assert first is not None
    at = checked_place(parted, first)
    if parted.choice(0, at)[0] == parted.choice(1, at)[0]:
        differing = [str(each) for each in parted.parted.nonzero()[0][:8]]
        raise problem(
            "input",
            f"Both models prefer “{parted.choice(0, at)[1]}” at place {at}.",
            f"They differ at {', '.join(differing)}." if differing else "They differ nowhere.",
            "Name another with --at.",
        )
    return at
