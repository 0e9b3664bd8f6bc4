"""Values of options, checked: numbers, and lists of layers."""

from __future__ import annotations

import argparse
import re


def positive(text: str) -> int:
    """A whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def seed(text: str) -> int:
    """A whole number of 32 bits."""
    number = int(text)
    if not 0 <= number < 1 << 32:
        raise argparse.ArgumentTypeError("must be from 0 to 4294967295")
    return number


def layers(text: str) -> list[range] | None:
    """Ranges of layers from a list such as 0,3-5; None for all."""
    if text.strip() == "all":
        return None
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None or (match[2] and int(match[2]) < int(match[1])):
            raise argparse.ArgumentTypeError("must be layers such as 0,3-5, or all")
        ranges.append(range(int(match[1]), int(match[2] or match[1]) + 1))
    return ranges
