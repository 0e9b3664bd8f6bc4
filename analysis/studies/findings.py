"""The findings of every study as data: tables, figures and sentences.

The view lists them, the report prints them, and the CSV files next to it hold the tables' rows.
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
        name: Its name in the legend.
        x: Positions of its points; names on an axis without numbers.
        y: Their values; None where missing.
        spread: Standard deviation of each value, drawn as a band or error bar; empty for none.
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
        title: What it shows, in one line.
        x_label: Label of the x axis, with its unit.
        y_label: Label of the y axis, with its unit.
        series: In the legend's order.
        kind: How they are drawn.
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
        title: What it shows, in one line.
        table: Its rows, unrounded; in memory, so they can be iterated again.
        opens: What a row links to: the case of its column ``case``, the head of its columns
            ``layer`` and ``head``, the component of its columns ``layer`` and ``component``, the
            units of its columns ``category`` and, if present, ``other_category`` and ``layer``, or
            the clusters of its columns ``model`` and ``layer``.
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
        title: Its subject, in one line.
        statements: The findings in sentences with numbers, including null results.
        tables: ``--csv`` writes the first one.
        figures: In the order of the report.
        parameters: Everything the numbers depend on, by name: models with their fingerprints,
            prompts, thresholds, seeds, word lists.
        notes: What the reader should know, such as cases that were left out.
        data: Raw data of the tables, too long to read: written next to the report, shown nowhere.
    """

    study: str
    title: str
    statements: tuple[str, ...]
    tables: tuple[NamedTable, ...]
    figures: tuple[Figure, ...] = ()
    parameters: Mapping[str, Cell] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    data: tuple[NamedTable, ...] = ()
