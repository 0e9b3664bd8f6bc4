"""What ``insttui attribute`` is told."""

from __future__ import annotations

import argparse
import re

from app.arguments.options import add_csv, add_model_options
from app.arguments.values import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``insttui attribute``."""
    parser.add_argument("--model", required=True, metavar="REF", help="alias, hub id or folder")
    prompt = parser.add_mutually_exclusive_group(required=True)
    prompt.add_argument("--prompt", metavar="TEXT")
    prompt.add_argument(
        "--prompt-file",
        metavar="FILE",
        help="text in UTF-8, or in UTF-16 with its mark; - is standard input",
    )
    parser.add_argument(
        "--response", metavar="TEXT", help="explain this response instead of the model's own"
    )
    parser.add_argument("--max-new-tokens", type=positive, default=300, metavar="N")
    parser.add_argument(
        "--chat-template", action="store_true", help="wrap the prompt in the model's chat template"
    )
    parser.add_argument(
        "--target", choices=("log_probability", "probability"), default="log_probability"
    )
    parser.add_argument(
        "--method",
        choices=("auto", "forward", "reverse", "occlusion", "occlusion-zeroed"),
        default="auto",
        help="auto takes the cheaper of forward and reverse, which give the same gradient; "
        "occlusion deletes each token, or makes its embedding zero",
    )
    parser.add_argument(
        "--compare",
        choices=("occlusion", "occlusion-zeroed", "forward", "reverse", "float32"),
        help="compute this too, and write how far the two agree instead of the map",
    )
    parser.add_argument(
        "--memory",
        type=_size,
        metavar="SIZE",
        help="what the passes may take beside the weights, such as 2G; a share of what is free",
    )
    parser.add_argument(
        "--include-special",
        action="store_true",
        help="let BOS and template tokens count in the score",
    )
    parser.add_argument(
        "--totals",
        action="store_true",
        help="only what each prompt token weighs for the whole response: one backward pass",
    )
    add_csv(parser)
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="write the map with all that is known of it, in place of rows unless --csv names a "
        "file; - is standard output",
    )
    add_model_options(parser)


def _size(text: str) -> int:
    """Bytes from a number with an optional K, M, G or T, powers of 1024."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError("must be a size such as 2G or 500M")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))
