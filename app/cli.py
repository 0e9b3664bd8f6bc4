"""The command line: arguments to the app or to a headless command.

Only the argument parser is imported here, and a command's module once that command is chosen, so
that ``insttui --help`` is as quick as the interpreter.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from app.commands.exit_status import ExitStatus
from app.commands.parser import parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run insttui; what it returns is an `ExitStatus`."""
    _open_streams()
    every = parser()
    if "_ARGCOMPLETE" in os.environ:
        from app.commands.completion_words import complete

        complete(every)
    options = every.parse_args(arguments)
    if options.version:
        return _print_version()
    module = f"app.commands.{options.command}" if options.command else "app.commands.open_app"
    try:
        return _guarded(module, options)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has closed it (`insttui ... | head`).
        sys.stderr.close()
        return ExitStatus.OK


def _open_streams() -> None:
    """Open the null device in place of a closed standard input, output or error.

    Otherwise the next files opened, such as a cache or a pipe, would get those descriptors and what
    is printed to them, and notes for a closed standard error would mix with the rows on standard
    output.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            stream = os.fdopen(number, mode, encoding="utf-8")
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def _guarded(module: str, options: argparse.Namespace) -> int:
    from analysis.problems import ProblemError

    try:
        if options.command:
            from app.commands.output import check_outputs

            check_outputs(options)
        status: int = importlib.import_module(module).run(options)
    except ProblemError as error:
        from app.terminal.text import prose

        print(f"insttui: {prose(str(error))}", file=sys.stderr)
        return ExitStatus.INPUT if error.problem.kind == "input" else ExitStatus.PROBLEM
    return status


def _print_version() -> int:
    from importlib.metadata import version

    print(f"insttui {version('insttui')}")
    return ExitStatus.OK


if __name__ == "__main__":
    sys.exit(main())
