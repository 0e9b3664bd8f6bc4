"""The arguments of the command line: what all commands have here, each command's own beside it.

Nothing but the argument parser is imported, so that ``--help`` is as quick as the interpreter.
"""

from __future__ import annotations

import argparse
from typing import NoReturn

from app.arguments import (
    attribute,
    cache,
    clusters,
    components,
    concepts,
    demo,
    heads,
    models,
    study,
)
from app.arguments.options import add_model_options, add_word_options

_COMMANDS = {
    "attribute": (
        attribute.add_arguments,
        "importance of every prompt token for every response token, as CSV",
    ),
    "heads": (
        heads.add_arguments,
        "the word pairs that attention heads relate, base against tuned, as CSV",
    ),
    "concepts": (
        concepts.add_arguments,
        "the principal components of feed-forward layers, base against tuned, as CSV",
    ),
    "components": (
        components.add_arguments,
        "the feed-forward neurons and experts that instructions need, as CSV",
    ),
    "clusters": (
        clusters.add_arguments,
        "how hidden states cluster by task, base against tuned, as CSV",
    ),
    "study": (
        study.add_arguments,
        "the paper's tables and figures, for any pair of models or for stored maps",
    ),
    "cache": (cache.add_arguments, "what is stored on this disk, and removing it"),
    "models": (models.add_arguments, "model names and what is available here"),
    "demo": (
        demo.add_arguments,
        "the embedded pair of small models: what it is, and training it anew",
    ),
}


class _Parser(argparse.ArgumentParser):
    """Repeats in its messages no argument as it is: a shell's * brings any file's name."""

    def error(self, message: str) -> NoReturn:
        from app.terminal_text import prose

        super().error(prose(message))


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = _Parser(
        prog="insttui",
        description=(
            "Explore what instruction tuning does inside a language model. Without a command, "
            "opens the app on the embedded demo pair or on the pair given."
        ),
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument("--base", metavar="REF", help="the base model: alias, hub id or folder")
    parser.add_argument("--tuned", metavar="REF", help="the tuned model")
    parser.add_argument("--results", metavar="DIR", help="browse stored maps, without a model")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    add_word_options(parser)
    add_model_options(parser)
    parser.set_defaults(device="auto", dtype="auto", trust_remote_code=False, allow_pickle=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="headless commands")
    for name, (add_arguments, summary) in _COMMANDS.items():
        add_arguments(commands.add_parser(name, help=summary, description=summary.capitalize()))
    return parser
