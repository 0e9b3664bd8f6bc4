"""What ``insttui concepts`` is told."""

from __future__ import annotations

import argparse

from app.arguments.options import add_weight_options
from app.arguments.values import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``insttui concepts``."""
    parser.add_argument("--rank", type=positive, default=300, metavar="R", help="components")
    parser.add_argument("--words", type=positive, default=15, metavar="K", help="of a component")
    parser.add_argument(
        "--measure",
        choices=("cosine", "projection"),
        default="cosine",
        help="words by |cosine| with the direction, or by projection on it (the paper's formula)",
    )
    parser.add_argument(
        "--annotate",
        nargs="?",
        const="endpoint",
        choices=("endpoint", "local"),
        help="have a language model describe the components: one behind an OpenAI-compatible "
        "endpoint (OPENAI_API_KEY, OPENAI_BASE_URL), or a local one",
    )
    parser.add_argument(
        "--annotator",
        default=argparse.SUPPRESS,
        metavar="MODEL",
        help="who describes: the endpoint's name of a model, or a local model (default: the tuned)",
    )
    parser.add_argument(
        "--repeats", type=positive, default=5, metavar="N", help="descriptions of each component"
    )
    parser.add_argument(
        "--templates", default=argparse.SUPPRESS, metavar="FILE", help="how it is asked (TOML)"
    )
    parser.add_argument(
        "--price-in", type=float, metavar="P", help="price of a million tokens sent"
    )
    parser.add_argument("--price-out", type=float, metavar="P", help="of a million received")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be asked and cost, and ask nothing"
    )
    parser.add_argument("--yes", action="store_true", help="ask without confirmation")
    parser.add_argument(
        "--table",
        choices=("components", "comparison", "levels", "ranks", "answers", "words"),
        default="components",
        help="of annotated components: scenarios and levels base against tuned (Tables 5, 6), "
        "levels by layers (Fig. 3), described by rank (Fig. 7), outcomes, words (Tables 7-10)",
    )
    add_weight_options(parser)
