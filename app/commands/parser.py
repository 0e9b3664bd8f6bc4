"""The command line's arguments: the shared ones; each command adds its own from its module.

Only argparse is imported here and at the top of each command's module, so that ``--help`` is as
quick as the interpreter. A command's arguments are added only when it is used, so the app opens
without waiting for them.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator
from typing import Any, NoReturn

from analysis.methods import METHODS
from app.commands.exit_status import EPILOG
from app.commands.options import SERIES_HELP, add_model_options, add_word_options

COMMANDS = {
    **{method.command: method.summary for method in METHODS},
    "thinking": "how prompt and thinking weigh for a reasoning model's answer, as CSV",
    "contributions": "what heads, networks, neurons and words add to one logit, as CSV",
    "patch": "which layers carry the choice where base and tuned part, as CSV",
    "active": "the prompts on which a neuron or an attention head is most active, as CSV",
    "study": "the paper's tables and figures, for any pair of models or for stored maps",
    "report": "what tuning changed: all studies of a pair on one page, with tables and figures",
    "results": "results that others published, for the studies of stored results",
    "cache": "what is stored on this disk, and removing it",
    "models": "model names and what is available here",
    "doctor": "what is wrong with a pair of models, and what works with it",
    "demo": "the embedded pair of small models: what it is, and training it anew",
    "serve": "the app in a browser, for whoever has its token",
    "completion": "have bash, zsh or fish complete commands, options, models and files",
}


class _Parser(argparse.ArgumentParser):
    """Makes arguments harmless in error messages: a shell's * may expand to any file name."""

    def error(self, message: str) -> NoReturn:
        from app.terminal.text import prose

        super().error(prose(message))


class _Command(_Parser):
    """The parser of a command or subcommand, which adds its arguments when first used."""

    def __init__(self, *args: Any, command: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self._command = command

    def fill(self) -> None:
        """Add the command's arguments, unless they are there."""
        if self._command:
            importlib.import_module(f"app.commands.{self._command}").add_arguments(self)
            self._command = ""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the arguments after the command's name."""
        self.fill()
        return super().parse_known_args(args, namespace)


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = _Parser(
        prog="insttui",
        description=(
            "Explore what instruction tuning does inside a language model. Without a command,\n"
            "opens the app on the embedded demo pair or on the pair given."
        ),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument("--base", metavar="REF", help="the base model: alias, hub id or folder")
    parser.add_argument(
        "--tuned", metavar="REF", help="the tuned model, or a LoRA adapter on the base"
    )
    parser.add_argument("--series", metavar="REF,...", help=SERIES_HELP)
    parser.add_argument("--results", metavar="DIR", help="browse stored maps, without a model")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    add_word_options(parser)
    add_model_options(parser)
    parser.set_defaults(device="auto", dtype="auto", trust_remote_code=False, allow_pickle=False)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="headless commands", parser_class=_Command
    )
    for name, summary in COMMANDS.items():
        commands.add_parser(name, command=name, help=summary, description=summary.capitalize())
    return parser


def every_parser(
    parser: argparse.ArgumentParser, words: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """A parser and those of all commands and subcommands, with their arguments.

    Args:
        parser: Where to begin.
        words: What leads there on the command line; each parser comes with such words of its own.
    """
    if isinstance(parser, _Command):
        parser.fill()
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, each in action.choices.items():
                yield from every_parser(each, f"{words} {name}".strip())
