"""Options of prompts that both models are asked: which, and how."""

from __future__ import annotations

import argparse

from app.commands.options import positive

_COLUMNS = ("prompt", "id", "instruction", "dataset", "rating", "reference")


def add_case_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        help="prompts to ask both models: .jsonl, .csv or .tsv; demo: those of the demo pair",
    )
    parser.add_argument(
        "--columns",
        type=_columns,
        default={},
        metavar="LIST",
        help="what the file calls them, such as prompt=question,dataset=source; "
        f"{', '.join(_COLUMNS)}",
    )
    parser.add_argument(
        "--bad-lines",
        choices=("refuse", "skip"),
        default="refuse",
        help="a line that cannot be used makes the file unusable, or is left out",
    )
    parser.add_argument(
        "--max-new-tokens", type=positive, metavar="N", help="default: 300, of demo: 64"
    )
    parser.add_argument(
        "--chat-template",
        action="store_true",
        help="put the tuned model's prompts into its chat template",
    )


def _columns(text: str) -> dict[str, str]:
    """The file's names of columns, from a list such as prompt=question,dataset=source."""
    found = {}
    for part in text.split(","):
        name, _, column = (each.strip() for each in part.partition("="))
        if name not in _COLUMNS or not column:
            raise argparse.ArgumentTypeError(
                f"must be NAME=COLUMN,... with names out of {', '.join(_COLUMNS)}"
            )
        found[name] = column
    return found
