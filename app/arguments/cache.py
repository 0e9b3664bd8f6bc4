"""What ``insttui cache`` is told."""

from __future__ import annotations

import argparse

from app.arguments.options import add_cache_option
from app.arguments.values import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``insttui cache``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary in (
        ("info", "folder, number of results, size and limit"),
        ("list", "the stored results, newest first"),
        ("clear", "remove every stored result"),
    ):
        add_cache_option(actions.add_parser(name, help=summary, description=summary))
    prune = actions.add_parser("prune", help="remove old results")
    prune.add_argument(
        "--older-than", type=positive, metavar="DAYS", help="not read for so many days"
    )
    prune.add_argument(
        "--max-size", type=positive, metavar="MB", help="the least recently read beyond this size"
    )
    add_cache_option(prune)
