"""What ``insttui heads`` is told."""

from __future__ import annotations

import argparse

from app.arguments.options import add_weight_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``insttui heads``."""
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--summary", action="store_true", help="one row a head: how much it changed")
    kind.add_argument(
        "--verbs", action="store_true", help="do heads relate more verbs after tuning (Table 3)"
    )
    add_weight_options(parser)
