"""``insttui diverge``: where base and tuned part on one response, as CSV."""

from __future__ import annotations

import argparse

from app.commands.options import (
    add_forced_response,
    add_model_options,
    add_output,
    add_pair,
    positive,
)

_WHOSE = ("tuned", "base", "reference")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--table",
        choices=("tokens", "alternatives"),
        default="tokens",
        help="rows of what: every place of the response; every token that either model prefers",
    )
    parser.add_argument(
        "--alternatives",
        type=positive,
        default=8,
        metavar="K",
        help="tokens of each model at every place; default: 8",
    )
    add_pair(parser)
    add_forced_response(parser)
    add_output(parser, document="all that is known of every place")
    add_model_options(parser)


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """The study's own option: whose responses both models read."""
    parser.add_argument(
        "--response",
        type=_responses,
        metavar="LIST",
        help="whose responses both models read: tuned (its greedy one), base, or reference (the "
        "prompts'); several are compared side by side; default: tuned",
    )
    parser.set_defaults(own=(*parser.get_default("own"), "response"))


def _responses(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if not set(found) <= set(_WHOSE):
        raise argparse.ArgumentTypeError(f"must be a list out of {', '.join(_WHOSE)}")
    return found


def run(options: argparse.Namespace) -> int:
    """Read the response with both models, and write what they say."""
    from msgspec.structs import replace

    from analysis.divergence.sentences import finding
    from analysis.divergence.tables import alternatives_table, as_json, tokens_table
    from app.commands.forced import divergence_request
    from app.commands.output import say, write_table
    from app.commands.session import run_with_progress, session
    from app.config import load_settings

    request = divergence_request(options, load_settings())
    request = replace(request, alternatives=options.alternatives)
    with session(options) as opened:
        found = run_with_progress(opened, request)
    say(*found.notes, *finding(found))
    table = (tokens_table if options.table == "tokens" else alternatives_table)(found)
    write_table(table, options, lambda: as_json(found))
    return 0
