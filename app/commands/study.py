"""``insttui study``: the paper's tables for a set of cases."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from analysis.case_library import CaseLibrary
from analysis.studies.density import density_study
from app.commands.output import write_rows
from app.terminal_text import prose


def run(options: Namespace) -> int:
    """Compute the study; write its rows, or print its tables in the paper's digits."""
    study = density_study(CaseLibrary.open(Path(options.results)))
    if options.csv:
        write_rows(study.table(), options.csv)
    else:
        for line in study.text().splitlines():
            print(prose(line))
    return 0
