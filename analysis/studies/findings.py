"""What every study ends with: tables, figures and sentences, however they are then shown.

The view lists them, the report prints them, the CSV files beside it hold the tables' rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from analysis.table import Cell, Table

Link: TypeAlias = Literal["", "case", "head", "component", "units", "clusters"]


@dataclass(frozen=True)
class Series:
    """One line or one group of bars of a figure.

    Attributes:
        name: What the legend calls it.
        x: Where its points are; a name each where the axis has no numbers.
        y: Their values; None where there is none.
        spread: Standard deviation of each value, drawn as a band or a whisker; empty for none.
    """

    name: str
    x: tuple[float | str, ...]
    y: tuple[float | None, ...]
    spread: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A plot, as data.

    Attributes:
        name: Stem of its file, unique in its study.
        title: What it shows, a line.
        x_label: What goes to the right, with its unit.
        y_label: What goes up, with its unit.
        series: What is drawn, in the legend's order.
        kind: How.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    kind: Literal["lines", "bars"] = "lines"


@dataclass(frozen=True)
class NamedTable:
    """A table of a study.

    Attributes:
        name: Stem of its CSV file, unique in its study.
        title: What it shows, a line.
        table: Its rows, unrounded; in memory, so that they can be walked again.
        opens: What a row leads to: the case of its column ``case``, the head of its columns
            ``layer`` and ``head``, the component of its columns ``layer`` and ``component``, the
            units of its columns ``category`` and, where it has them, ``other_category`` and
            ``layer``, or the clusters of its columns ``model`` and ``layer``.
        note: How to read it, in a sentence or two.
    """

    name: str
    title: str
    table: Table
    opens: Link = ""
    note: str = ""


@dataclass(frozen=True)
class Findings:
    """What a study found.

    Attributes:
        study: The study's name on the command line.
        title: What it is about, a line.
        statements: The findings in sentences with their numbers, null results included.
        tables: The first is the one that ``--csv`` writes.
        figures: In the order of the report.
        parameters: Everything that the numbers depend on, by name: models with their fingerprints,
            prompts, thresholds, seeds, word lists.
        notes: What the reader should know, such as cases that were left out.
        data: What the tables can be computed from where it is too long to be read: files beside
            the report, shown nowhere.
    """

    study: str
    title: str
    statements: tuple[str, ...]
    tables: tuple[NamedTable, ...]
    figures: tuple[Figure, ...] = ()
    parameters: Mapping[str, Cell] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    data: tuple[NamedTable, ...] = ()
