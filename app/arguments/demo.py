"""What ``insttui demo`` is told."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``insttui demo``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    info = actions.add_parser("info", help="what the demo pair is and how well it does")
    info.add_argument("--measure", action="store_true", help="measure it anew, from the weights")
    train = actions.add_parser("train", help="train both models anew, on this machine")
    train.add_argument("--output", required=True, metavar="DIR", help="a folder to write them to")
    train.add_argument("--seed", type=int, default=0, metavar="N")
