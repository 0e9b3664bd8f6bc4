"""The command line: arguments to the app or to a headless command.

Only the argument parser is imported here; each command's module follows once it is known which one
is meant, so that ``insttui --help`` is as quick as the interpreter.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

_COMMANDS = {
    "attribute": "importance of every prompt token for every response token, as CSV",
    "study": "the paper's tables, for a set of cases",
    "cache": "what is stored on this disk, and removing it",
    "models": "model names and what is available here",
    "demo": "the embedded pair of small models: what it is, and training it anew",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run insttui; the exit status is 0, 1 for a problem, 2 for wrong usage, 130 for ctrl-C."""
    options = _parser().parse_args(arguments)
    if options.version:
        return _print_version()
    module = f"app.commands.{options.command}" if options.command else "app.commands.open_app"
    try:
        return _guarded(module, options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has seen enough (`insttui ... | head`).
        sys.stderr.close()
        return 0


def _guarded(module: str, options: argparse.Namespace) -> int:
    from analysis.problems import ProblemError

    try:
        status: int = importlib.import_module(module).run(options)
    except ProblemError as error:
        from app.terminal_text import prose

        print(f"insttui: {prose(str(error))}", file=sys.stderr)
        return 2 if error.problem.kind == "input" else 1
    return status


def _print_version() -> int:
    from importlib.metadata import version

    print(f"insttui {version('insttui')}")
    return 0


class _Parser(argparse.ArgumentParser):
    """Repeats in its messages no argument as it is: a shell's * brings any file's name."""

    def error(self, message: str) -> NoReturn:
        from app.terminal_text import prose

        super().error(prose(message))


def _parser() -> argparse.ArgumentParser:
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
    _add_model_options(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="headless commands")
    for name, summary in _COMMANDS.items():
        _ADDERS[name](commands.add_parser(name, help=summary, description=summary.capitalize()))
    return parser


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda:N or mps"
    )
    parser.add_argument(
        "--dtype",
        default="auto",
        choices=("auto", "float32", "float16", "bfloat16"),
        help="precision in memory; auto is float32 on a CPU, else the checkpoint's",
    )
    parser.add_argument(
        "--trust-remote-code", action="store_true", help="run code that comes with a model"
    )
    parser.add_argument("--allow-pickle", action="store_true", help="load pickled weights")
    _add_cache_option(parser)


def _add_cache_option(parser: argparse.ArgumentParser) -> None:
    # SUPPRESS: given before the command or after it, the option means the same.
    parser.add_argument(
        "--cache-dir",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="where results are kept",
    )


def _add_optional_csv(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--csv", metavar="FILE", help="write rows instead of a table; - is standard output"
    )


def _add_attribute(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, metavar="REF", help="alias, hub id or folder")
    prompt = parser.add_mutually_exclusive_group(required=True)
    prompt.add_argument("--prompt", metavar="TEXT")
    prompt.add_argument("--prompt-file", metavar="FILE", help="UTF-8 text; - is standard input")
    parser.add_argument(
        "--response", metavar="TEXT", help="explain this response instead of the model's own"
    )
    parser.add_argument("--max-new-tokens", type=_positive, default=300, metavar="N")
    parser.add_argument(
        "--chat-template", action="store_true", help="wrap the prompt in the model's chat template"
    )
    parser.add_argument(
        "--target", choices=("log_probability", "probability"), default="log_probability"
    )
    parser.add_argument(
        "--include-special",
        action="store_true",
        help="let BOS and template tokens count in the score",
    )
    parser.add_argument(
        "--csv", default="-", metavar="FILE", help="where the rows go; - is standard output"
    )
    _add_model_options(parser)


def _add_study(parser: argparse.ArgumentParser) -> None:
    studies = parser.add_subparsers(dest="study", metavar="STUDY", required=True)
    density = studies.add_parser(
        "density",
        help="instruction scores by rating and by model (Tables 1 and 2)",
        description="Instruction scores by rating and by model (Tables 1 and 2).",
    )
    density.add_argument("--results", required=True, metavar="DIR", help="a folder of stored maps")
    _add_optional_csv(density)


def _add_cache(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary in (
        ("info", "folder, number of results, size and limit"),
        ("list", "the stored results, newest first"),
        ("clear", "remove every stored result"),
    ):
        _add_cache_option(actions.add_parser(name, help=summary, description=summary))
    prune = actions.add_parser("prune", help="remove old results")
    prune.add_argument(
        "--older-than", type=_positive, metavar="DAYS", help="not read for so many days"
    )
    prune.add_argument(
        "--max-size", type=_positive, metavar="MB", help="the least recently read beyond this size"
    )
    _add_cache_option(prune)


def _add_models(parser: argparse.ArgumentParser) -> None:
    _add_optional_csv(parser)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    info = actions.add_parser("info", help="what the demo pair is and how well it does")
    info.add_argument("--measure", action="store_true", help="measure it anew, from the weights")
    train = actions.add_parser("train", help="train both models anew, on this machine")
    train.add_argument("--output", required=True, metavar="DIR", help="a folder to write them to")
    train.add_argument("--seed", type=int, default=0, metavar="N")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


_ADDERS = {
    "attribute": _add_attribute,
    "study": _add_study,
    "cache": _add_cache,
    "models": _add_models,
    "demo": _add_demo,
}


if __name__ == "__main__":
    sys.exit(main())
