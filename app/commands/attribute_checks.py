"""What the options of ``insttui attribute`` ask in vain, or against each other, is refused."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping

from analysis.problems import problem

# Options that only a table of densities looks at, and what they are when nobody gave them.
_OF_DENSITIES = {
    "instruction": None,
    "floor": None,
    "norm": None,
    "min_move": None,
    "skip_unmoved": False,
}


def refuse_contradictions(options: Namespace) -> None:
    """Raise ProblemError, ``input``, for the first option that has no effect beside the others."""
    if options.totals and (options.compare or options.method.startswith("occlusion")):
        raise problem(
            "input",
            "--totals sums up a gradient, and nothing else.",
            "There is no one pass for the sums of another map.",
            "Leave it out: the totals of a map are in its --json.",
        )
    if options.compare is not None and options.compare == options.method:
        _refuse(f"--compare {options.compare}", "It is the map's own method.", "Name another.")
    if options.prompt_file == options.response_file == "-":
        raise problem(
            "input",
            "Prompt and response cannot both be read from standard input.",
            "",
            "Name a file for one of them.",
        )
    _refuse_other_rows(options)
    if options.other_chat_template and not (options.response_from or options.equal_length):
        _refuse(
            "--other-chat-template",
            "No other model is asked.",
            "Name it with --response-from or --equal-length.",
        )
    if options.table == "map":
        for name, absent in _OF_DENSITIES.items():
            if getattr(options, name) != absent:
                _refuse(
                    f"--{name.replace('_', '-')}",
                    "The rows of --table map have no density.",
                    "Add --table tokens or --table case.",
                )


def _refuse(option: str, why: str, remedy: str) -> None:
    raise problem("input", f"{option} would change nothing here.", why, remedy)


def _refuse_other_rows(options: Namespace) -> None:
    """Refuse two options that each want rows of their own, or one and rows that are not written."""
    rows: Mapping[str, object] = {
        f"--table {options.table}": options.table != "map",
        "--curves": options.curves,
        "--compare": options.compare,
        "--totals": options.totals,
    }
    given = [name for name, wanted in rows.items() if wanted]
    # Curves compare maps and totals; totals are rows of the table map.
    together = {("--curves", "--compare"), ("--curves", "--totals")}
    if len(given) > 1 and tuple(given) not in together:
        _refuse_together(given[0], given[1])
    if options.equal_length:
        for name in ("--curves", "--compare", "--totals"):
            if name in given:
                _refuse_together("--equal-length", name)
        if options.json and options.table == "map":
            # Its JSON is all that is known, and so the response as it was written.
            _refuse_together("--equal-length", "--json")


def _refuse_together(first: str, second: str) -> None:
    raise problem(
        "input",
        f"{first} and {second} cannot be written together.",
        f"{second} has no such rows.",
        f"Leave out {second}.",
    )
