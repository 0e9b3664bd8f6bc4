"""``insttui doctor``: what is wrong with a pair of models, what that means, and what to do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.commands.exit_status import ExitStatus
from app.commands.options import add_model_options, add_output, add_pair

if TYPE_CHECKING:
    from analysis.doctor.findings import Findings
    from analysis.request import Pair

_WIDEST = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pair(parser)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="look at files alone, a matter of seconds: load no model, run nothing",
    )
    add_output(parser, rows="the findings", instead="a report", document="a list of findings")
    add_model_options(parser)
    parser.epilog = (
        "Exit status: 0 if nothing is wrong, 1 with warnings, 2 if the pair cannot be analysed "
        "like this. Nothing is downloaded."
    )


def run(options: argparse.Namespace) -> int:
    """Examine the pair, then try both models unless that is hopeless or not wanted."""
    from analysis.doctor.findings import LEVELS, Findings, from_problem
    from analysis.problems import ProblemError
    from app.commands import inputs
    from app.config import load_settings

    title = "The pair"
    try:
        pair = inputs.pair(options, load_settings())
        title = " and ".join(each.name for each in pair)
        findings = _examined(options, pair)
    except ProblemError as error:
        findings = Findings((from_problem("reference", "cannot", "pair", error.problem),))
    from app.commands.output import asks_rows, write_table

    if asks_rows(options):
        write_table(findings.table(), options, findings.as_json)
    else:
        _print(title, findings)
    return ExitStatus(LEVELS.index(findings.worst))


def _examined(options: argparse.Namespace, pair: Pair) -> Findings:
    from analysis.doctor.findings import from_problem
    from analysis.doctor.request import ExaminationRequest, TrialRequest
    from analysis.problems import ProblemError
    from app.commands.session import run_with_progress, session

    with session(options) as opened:
        findings = run_with_progress(opened, ExaminationRequest(*pair))
        if not options.quick and findings.worst != "cannot":
            try:
                found = run_with_progress(opened, TrialRequest(*pair)).findings
            except ProblemError as error:
                # The engine may be killed for the memory it takes: that is an answer too.
                found = (from_problem("trial", "cannot", "pair", error.problem),)
            findings = findings.with_more(found)
    return findings


def _print(title: str, findings: Findings) -> None:
    """Print findings for a reader, the worst first, and what they come to."""
    import sys

    from rich.console import Console
    from rich.text import Text

    from app.findings_text import blocks, summary
    from app.terminal.text import prose

    console = Console(highlight=False)
    encoding = (getattr(sys.stdout, "encoding", "") or "").lower()
    ascii_only = not encoding.startswith("utf")
    styles = {"ok": "dim", "warning": "yellow", "cannot": "red"}
    # Lines are wrapped here, and never by rich: its way of wrapping loses the indentation.
    console.print(Text(prose(title, ascii_only=ascii_only), style="bold"), soft_wrap=True)
    before = ""
    for level, block in blocks(findings, min(console.width, _WIDEST), ascii_only=ascii_only):
        # What needs attention stands apart; what is well is one list.
        if level != "ok" or before != "ok":
            console.print()
        before = level
        first, rest = block[:1], block[1:]
        console.print(Text.assemble((first, styles[level]), (rest, "")), soft_wrap=True)
    console.print()
    console.print(Text(summary(findings)), soft_wrap=True)
