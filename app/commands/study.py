"""``insttui study``: the paper's tables and figures, for stored maps or for any pair of models."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING

from app.commands.case_options import add_case_options
from app.commands.options import (
    METHODS,
    add_model_options,
    add_output,
    add_pair,
    add_results,
    add_scoring,
    add_servers,
    add_sharing,
    add_vectors,
    add_vocab,
)

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.methods import StudySpec
    from analysis.studies.findings import Findings, NamedTable

_MOST_ROWS = 20
_RESPONSES = ("own", "base", "tuned", "reference")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    # Names and titles only: what a study works with is imported when it runs.
    from analysis.methods import METHODS

    commands = parser.add_subparsers(dest="study", metavar="STUDY", required=True)
    for method, spec in ((each, spec) for each in METHODS for spec in each.studies):
        command = import_module(f"app.commands.{method.command}")
        title = f"{spec.title[:1].upper()}{spec.title[1:]}."
        study = commands.add_parser(spec.name, help=spec.title, description=title)
        add_pair(study, series=True)
        asked, scored = spec.takes == "cases", spec.takes_stored
        study.set_defaults(own=_OF_CASES * asked + _OF_SCORES * scored)
        if scored:
            add_results(study, "a folder of stored maps, in place of models and prompts")
        if asked:
            add_case_options(study)
            if spec.served:
                add_servers(study)
        if scored:
            _add_score_options(study)
        if spec.stored:
            add_results(study, "a folder that `insttui results import` wrote, in place of models")
        for name in spec.word_options:
            _WORD_ADDERS[name](study)
        if hasattr(command, "add_study_options"):
            command.add_study_options(study)
        add_output(study, rows="the first table's rows", instead="the findings", reports=True)
        study.add_argument(
            "--out", metavar="DIR", help="write a report, its tables and figures, and the cases"
        )
        add_model_options(study)
        add_sharing(study)


def _add_score_options(parser: argparse.ArgumentParser) -> None:
    """Add what studies of scores and densities are told, which stored maps will do for."""
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="auto",
        help="how importance is computed; auto takes the cheaper exact one",
    )
    parser.add_argument(
        "--response",
        type=_responses,
        metavar="LIST",
        help="whose response both models are explained on: own (each its own), base, tuned or "
        "reference (the prompts'); the first makes the paper's tables, all are compared; "
        "default: own,base,tuned",
    )
    parser.add_argument(
        "--equal-length",
        action="store_true",
        help="make the tables of own responses cut to the shorter one's number of tokens",
    )
    parser.add_argument(
        "--ratings",
        metavar="FILE",
        help="how well responses follow their prompts: CSV of id, model (base, tuned or its name) "
        "and rating, 1 to 4; 2 and more followed",
    )
    add_scoring(parser)


def _responses(text: str) -> tuple[str, ...]:
    """Whose responses, from a list such as own,tuned."""
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if not set(found) <= set(_RESPONSES):
        raise argparse.ArgumentTypeError(f"must be a list out of {', '.join(_RESPONSES)}")
    return found


_WORD_ADDERS = {"vocab": add_vocab, "vectors": add_vectors}
# A study receives those in `own` by name; its method's command may add others.
_OF_CASES = ("max_new_tokens", "chat_template")
_OF_SCORES = ("method", "response", "equal_length")


def run(options: argparse.Namespace) -> int:
    """Run the study; print its findings or write the first table, and write a report if asked."""
    from pathlib import Path

    from analysis.methods import study_of
    from analysis.problems import problem
    from app.commands.output import asks_rows, say, write_table
    from app.commands.session import workers
    from app.commands.study_input import input_read, own_options, refuse_unused, stored_cases
    from app.config import load_settings

    spec = study_of(options.study)
    if options.parquet == "-" and not options.out:
        raise problem(
            "input",
            "--parquet without a file is for a report's tables.",
            "No report was asked for.",
            "Name a file for the first table, or a report's folder with --out.",
        )
    if options.out:
        cases = spec.takes == "cases" and not options.results and not options.series
        _check_places(spec, Path(options.out), cases=cases)
    refuse_unused(spec, options)
    if options.results:
        given = (
            spec.stored_input({"folder": Path(options.results), **own_options(options)})
            if spec.stored
            else stored_cases(options)
        )
        findings = _follow(spec, given, goes_on=False)
    else:
        read = input_read(spec, options, load_settings())
        with workers(options) as opened:
            findings = _follow(spec, read(opened), goes_on=True)
    if options.out:
        # Imported here: only a report needs to draw.
        from analysis.studies.report import write_report

        say(f"wrote {write_report(findings, Path(options.out), parquet=options.parquet == '-')}")
    if asks_rows(options):
        say(*findings.notes)
        write_table(findings.tables[0].table, options)
    else:
        _print(findings)
    return 0


def _follow(spec: StudySpec, given: object, *, goes_on: bool) -> Findings:
    from app.commands.output import say
    from app.commands.study_progress import follow

    try:
        return follow(spec.start(given))
    except KeyboardInterrupt:
        say("Stopped. The same command goes on from here." if goes_on else "Stopped.")
        raise


def _check_places(spec: StudySpec, folder: Path, *, cases: bool) -> None:
    """Raise ProblemError if anything in the folder is in the way of the study's output."""
    from analysis.saliency.cases.folder import check_case_places
    from analysis.studies.report import check_report_place

    check_report_place(spec.name, folder)
    if cases:
        check_case_places(folder)


def _print(findings: Findings) -> None:
    """Print findings for a reader: statements, notes, and the first rows of each table."""
    from app.terminal.text import prose

    print(prose(findings.title))
    for each in (*findings.statements, *findings.notes):
        print(f"  {prose(each)}")
    for table in findings.tables:
        print()
        _print_table(table)


def _print_table(named: NamedTable) -> None:
    from itertools import islice

    from analysis.table import Table
    from app.commands.output import show

    rows = list(islice(named.table, _MOST_ROWS))
    more = sum(1 for _ in named.table) - len(rows)
    show(named.title, Table(named.table.columns, rows))
    if more:
        print(f"… and {more:,} more rows; --out DIR writes all.")
