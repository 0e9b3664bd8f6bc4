"""Studies driven to their end, and their tables as dictionaries."""

from __future__ import annotations

from analysis.studies.findings import Findings, NamedTable
from analysis.studies.study import Study, StudyProgress
from analysis.table import Cell


def driven(study: Study) -> tuple[Findings, list[StudyProgress]]:
    """What a study found, and everything it said on the way."""
    steps = []
    while True:
        try:
            steps.append(next(study))
        except StopIteration as end:
            return end.value, steps


def rows(named: NamedTable) -> list[dict[str, Cell]]:
    """The rows of a table by column."""
    columns = named.table.columns
    return [dict(zip(columns, row, strict=True)) for row in named.table]
