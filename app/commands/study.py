"""``insttui study``: the paper's tables and figures, for stored maps or for any pair of models."""

from __future__ import annotations

import sys
from argparse import Namespace
from itertools import islice
from pathlib import Path
from typing import Any

from analysis.models.references import DEMO_NAMES
from analysis.problems import problem
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.prompt_lines import Columns
from analysis.saliency.cases.prompt_sets import (
    DEMO_PROMPTS,
    PromptSet,
    demo_prompts,
    read_prompt_set,
)
from analysis.studies.catalog import StudySpec, study_of
from analysis.studies.findings import Findings, NamedTable
from analysis.table import Table
from app.commands import model_options, storage, word_options
from app.commands.output import write_rows
from app.commands.show_table import show
from app.commands.study_progress import follow
from app.commands.unused_options import refuse_unused
from app.config import Settings, load_settings
from app.study_input import study_input
from app.terminal.text import prose

_MOST_ROWS = 20


def run(options: Namespace) -> int:
    """Run the study; print what it found, or write its first table, and its report if asked to."""
    spec = study_of(options.study)
    if options.out:
        _check_places(spec, Path(options.out), cases=spec.takes == "cases" and not options.results)
    refuse_unused(spec, options)
    if options.results:
        findings = _follow(spec, CaseLibrary.open(Path(options.results)), goes_on=False)
    else:
        settings = load_settings()
        found = _found(spec, options, settings)
        with storage.session(options) as session:
            given = study_input(spec, {"session": session, **found}, settings.annotation)
            findings = _follow(spec, given, goes_on=True)
    if options.out:
        print(f"insttui: wrote {_write_report(findings, Path(options.out))}", file=sys.stderr)
    if options.csv:
        for note in findings.notes:
            print(f"insttui: {prose(note)}", file=sys.stderr)
        write_rows(findings.tables[0].table, options.csv)
    else:
        _print(findings)
    return 0


def _found(spec: StudySpec, options: Namespace, settings: Settings) -> dict[str, Any]:
    """What the command line gives to a study of models, by the names that the study knows it by.

    Raises:
        ProblemError: Something is missing, or cannot be used.
    """
    base, tuned = model_options.pair(options, settings)
    found: dict[str, Any] = {"base": base, "tuned": tuned}
    if spec.word_options:
        words, vectors = word_options.words_and_vectors(options, settings, base, tuned)
        found |= {"words": words, "vectors": vectors}
    elif spec.takes == "cases":
        demo = base.name in DEMO_NAMES and tuned.name in DEMO_NAMES
        found["prompts"] = _prompts(options, demo=demo)
        found["cases_folder"] = Path(options.out) if options.out else None
    own = {name: getattr(options, name) for name in options.own}
    return found | {name: value for name, value in own.items() if value is not None}


def _prompts(options: Namespace, *, demo: bool) -> PromptSet:
    if options.prompts == DEMO_PROMPTS or (demo and not options.prompts):
        return demo_prompts()
    if not options.prompts:
        raise problem(
            "input",
            "This study needs prompts.",
            "",
            "Give a file with --prompts, or --prompts demo.",
        )
    found = read_prompt_set(
        Path(options.prompts), Columns(**options.columns), bad_lines=options.bad_lines
    )
    for line in found.skipped:
        print(f"insttui: {prose(found.name)}: skipped {prose(line)}", file=sys.stderr)
    return found


def _follow(spec: StudySpec, given: object, *, goes_on: bool) -> Findings:
    try:
        return follow(spec.start(given))
    except KeyboardInterrupt:
        print(
            "insttui: Stopped. The same command goes on from here."
            if goes_on
            else "insttui: Stopped.",
            file=sys.stderr,
        )
        raise


def _check_places(spec: StudySpec, folder: Path, *, cases: bool) -> None:
    """Refuse a folder in which something is in the way of what the study writes at its end.

    Raises:
        ProblemError: It cannot be written there.
    """
    from analysis.saliency.cases.folder import check_case_places
    from analysis.studies.report import check_report_place

    check_report_place(spec.name, folder)
    if cases:
        check_case_places(folder)


def _write_report(findings: Findings, folder: Path) -> str:
    """Write the report and the files beside it; where it is, for a terminal."""
    # Imported here: who wants no report needs nothing to draw with.
    from analysis.studies.report import write_report

    return prose(str(write_report(findings, folder)))


def _print(findings: Findings) -> None:
    """The findings for a reader: sentences, notes, and as many rows as fit a screen."""
    print(prose(findings.title))
    for each in (*findings.statements, *findings.notes):
        print(f"  {prose(each)}")
    for table in findings.tables:
        print()
        _print_table(table)


def _print_table(named: NamedTable) -> None:
    rows = list(islice(named.table, _MOST_ROWS))
    more = sum(1 for _ in named.table) - len(rows)
    show(named.title, Table(named.table.columns, rows))
    if more:
        print(f"… and {more:,} more rows; --out DIR writes all.")
