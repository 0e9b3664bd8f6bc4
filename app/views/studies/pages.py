"""A study's findings as pages: statements, one page per table and figure, parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from analysis.studies.findings import Figure, Findings, Link, NamedTable
from analysis.table import Table
from app.views.studies.figures import MOST_LINES, numbers_of

PageKind = Literal["text", "table", "lines", "bars"]


@dataclass(frozen=True)
class StudyPage:
    """One page; holds no widgets.

    `name` is the stem of its file, unique among a study's pages; `table` has its rows or its
    figure's numbers, None for a text; `opens` is what a row links to, as in `NamedTable`.
    """

    kind: PageKind
    name: str
    title: str
    table: Table | None = None
    opens: Link = ""
    note: str = ""
    figure: Figure | None = None


def pages_of(title: str, findings: Findings | None) -> tuple[StudyPage, ...]:
    """A study's pages, the text first; only the text before there are findings."""
    if findings is None:
        return (StudyPage("text", "text", title),)
    parameters = Table(("parameter", "value"), list(findings.parameters.items()))
    return (
        StudyPage("text", "text", findings.title),
        *(_table_page(each) for each in findings.tables),
        *(page for each in findings.figures for page in _figure_pages(each)),
        StudyPage("table", "parameters", "What the numbers depend on", parameters),
    )


def _table_page(named: NamedTable) -> StudyPage:
    return StudyPage("table", named.name, named.title, named.table, named.opens, named.note)


def _figure_pages(figure: Figure) -> list[StudyPage]:
    """One page, or several if the lines could not be told apart in one plot."""
    if figure.kind == "bars":
        return [_figure_page(figure, "bars", figure.name)]
    if len(figure.series) <= MOST_LINES:
        return [_figure_page(figure, "lines", figure.name)]
    parts = [
        replace(figure, series=figure.series[start : start + MOST_LINES])
        for start in range(0, len(figure.series), MOST_LINES)
    ]
    return [
        _figure_page(part, "lines", f"{figure.name}-{number}")
        for number, part in enumerate(parts, 1)
    ]


def _figure_page(figure: Figure, kind: PageKind, name: str) -> StudyPage:
    return StudyPage(kind, f"figure-{name}", figure.title, numbers_of(figure), figure=figure)
