"""The tests of a report as one family: p-values corrected for their number (METHODS 4).

A table is one of tests if it has the column ``p_value``; a test that only a sentence tells comes
with that sentence, a `Claim`, and gets a row in a table of its own. `corrected` does the rest for
every study.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis.statistics.effects import EFFECT_COLUMNS, Effect, effect_cells
from analysis.statistics.inference import SIGNIFICANT, benjamini_hochberg, holm
from analysis.studies.findings import Findings, NamedTable
from analysis.studies.study import Study
from analysis.table import Cell, Table

P_VALUE, P_HOLM, P_BH = "p_value", "p_holm", "p_bh"
"""Columns: a raw p-value, and the same corrected after Holm, and after Benjamini and Hochberg."""

TOLD = "told-tests"
"""Name of the table of the tests that only sentences tell."""


@dataclass(frozen=True)
class Hypothesis:
    """A hypothesis that was tested.

    Attributes:
        what: What was tested, as a row of a table names it.
        p_value: Its p-value, as the sentence tells it.
        method: The test, such as "paired t-test over 8 layers".
        effect: How large the effect is; None where there is no such measure.
        column: The p-value of a table's row that the sentence is about, whose row stands for it;
            None if no table has it.
    """

    what: str
    p_value: float
    method: str = ""
    effect: Effect | None = None
    column: float | None = None


class Claim(str):
    """A sentence that says of tests whether they show something.

    It is a string as any other statement; `corrected` reads the tests and adds to the sentence
    what is not shown any more once their number is taken into account.
    """

    __slots__ = ("tests",)
    tests: tuple[Hypothesis, ...]

    def __new__(cls, text: str, *tests: Hypothesis) -> Claim:
        """A sentence and the tests that it tells."""
        claim = super().__new__(cls, text)
        claim.tests = tests
        return claim


def corrected_study(study: Study) -> Study:
    """A study whose findings are `corrected`."""
    return corrected((yield from study))


def corrected(findings: Findings) -> Findings:
    """Findings with corrected p-values beside the raw ones, and sentences that heed them.

    The family is all tests of the report: every p-value in a table, and every test that only a
    sentence tells. Tables get the columns `P_HOLM` and `P_BH` after `P_VALUE`; a table that has
    them already is left as it is.
    """
    tables = [*findings.tables]
    told = [each for said in findings.statements for each in _tests(said) if each.column is None]
    if told:
        tables.append(_told_table(told))
    family = [p_value for table in tables for p_value in _p_values(table)]
    if not family:
        return findings
    adjusted = iter(zip(holm(family), benjamini_hochberg(family), strict=True))
    columns = [_with_columns(table, [next(adjusted) for _ in _p_values(table)]) for table in tables]
    return replace(
        findings,
        statements=tuple(_heeding(said, family) for said in findings.statements),
        tables=tuple(columns),
    )


def _tests(statement: str) -> tuple[Hypothesis, ...]:
    return statement.tests if isinstance(statement, Claim) else ()


def _told_table(told: Sequence[Hypothesis]) -> NamedTable:
    return NamedTable(
        TOLD,
        "Tests that the sentences above tell",
        Table(
            ("what", "test", P_VALUE, *EFFECT_COLUMNS),
            [(each.what, each.method, each.p_value, *effect_cells(each.effect)) for each in told],
        ),
        note="Effect sizes with 95 % intervals, where there is such a measure.",
    )


def _p_values(table: NamedTable) -> list[float]:
    """The p-values of a table of tests in the order of its rows; none of another table."""
    columns = table.table.columns
    if P_VALUE not in columns or P_HOLM in columns:
        return []
    place = columns.index(P_VALUE)
    cells = (row[place] for row in table.table)
    return [float(cell) for cell in cells if isinstance(cell, float | int)]


def _with_columns(table: NamedTable, adjusted: Sequence[tuple[float, float]]) -> NamedTable:
    columns = table.table.columns
    if P_VALUE not in columns or P_HOLM in columns:
        return table
    after = columns.index(P_VALUE) + 1
    left = iter(adjusted)
    rows: list[tuple[Cell, ...]] = []
    for row in table.table:
        cells: tuple[Cell, Cell] = (None, None)
        if isinstance(row[after - 1], float | int):
            cells = next(left)
        rows.append((*row[:after], *cells, *row[after:]))
    return replace(table, table=Table((*columns[:after], P_HOLM, P_BH, *columns[after:]), rows))


def _heeding(statement: str, family: Sequence[float]) -> str:
    """A statement, with what it calls shown and is not after Holm's correction."""
    tests = _tests(statement)
    gone = []
    for each in tests:
        if each.p_value < SIGNIFICANT:
            # A sentence may tell the other side of a one-sided test: it takes the row's place.
            others, row = list(family), each.p_value if each.column is None else each.column
            if row in others:
                others.remove(row)
            p_value = holm([*others, each.p_value])[-1]
            if p_value >= SIGNIFICANT:
                gone.append((each.what, p_value))
    if not gone:
        return str(statement)
    count = len(family)
    number = f"{count:,} test{'' if count == 1 else 's'}"
    if len(tests) == 1:
        said = f"it is not shown (p {gone[0][1]:.2g})"
    else:
        said = "not shown: " + ", ".join(f"{what} (p {p:.2g})" for what, p in gone)
    return f"{statement} After Holm's correction for the report's {number} {said}."
