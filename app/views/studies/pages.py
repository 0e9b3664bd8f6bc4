"""A study's findings as pages: one to begin with, then every sentence, table and figure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from analysis.studies.findings import Figure, Findings, Link, NamedTable
from analysis.table import Table
from app.views.studies.figures import MOST_LINES, numbers_of

PageKind = Literal["overview", "text", "table", "lines", "bars"]


@dataclass(frozen=True)
class StudyPage:
    """One page; holds no widgets.

    `name` is the stem of its file, unique among a study's pages; `table` has its rows or its
    figure's numbers, None for a text; `opens` is what a row links to, as in `NamedTable`. An
    overview has the finding, a figure and a table.
    """

    kind: PageKind
    name: str
    title: str
    table: Table | None = None
    opens: Link = ""
    note: str = ""
    figure: Figure | None = None

    @property
    def drawn(self) -> Literal["", "lines", "bars"]:
        """How its figure is drawn; empty for none."""
        return "" if self.figure is None else self.figure.kind

    @property
    def has_rows(self) -> bool:
        """Whether its table is one of the study's, and not a figure's numbers."""
        return self.kind in ("overview", "table") and self.table is not None


def pages_of(title: str, findings: Findings | None) -> tuple[StudyPage, ...]:
    """A study's pages, the overview first; only a text before there are findings."""
    if findings is None:
        return (StudyPage("text", "text", f"{title[:1].upper()}{title[1:]}"),)
    parameters = Table(("parameter", "value"), list(findings.parameters.items()))
    return (
        _overview(findings),
        StudyPage("text", "text", "All that was found"),
        *(_table_page(each) for each in findings.tables),
        *(page for each in findings.figures for page in _figure_pages(each)),
        StudyPage("table", "parameters", "What the numbers depend on", parameters),
    )


def _overview(findings: Findings) -> StudyPage:
    """The first figure and the first table of a study."""
    first_figure = [page.figure for each in findings.figures[:1] for page in _figure_pages(each)]
    figure = first_figure[0] if first_figure else None
    page = StudyPage("overview", "overview", findings.title, figure=figure)
    if not findings.tables:
        return page
    first = findings.tables[0]
    return replace(page, name=first.name, table=first.table, opens=first.opens, note=first.note)


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
