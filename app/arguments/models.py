"""What ``insttui models`` is told."""

from __future__ import annotations

import argparse

from app.arguments.options import add_optional_csv


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``insttui models``."""
    add_optional_csv(parser)
