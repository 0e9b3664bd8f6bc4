"""A study's report: Markdown, a CSV file for each table, an SVG and a PNG file for each figure.

A table is a Parquet file too if that is asked.

Everything is made in a temporary folder and then moved file by file, the report last, so that a
file under its final name is complete.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path

from analysis.demo.catalog import CAVEAT, is_demo
from analysis.files.writing import check_folder, reason
from analysis.parquet import save_parquet
from analysis.problems import ProblemError, problem
from analysis.statistics.inference import SIGNIFICANT
from analysis.studies.drawing import FORMATS, save_figure
from analysis.studies.findings import Figure, Findings, NamedTable
from analysis.studies.making import making_folder
from analysis.studies.placing import place_files
from analysis.table import Cell, Table, write_csv

REPORT = "report.md"
MOST_ROWS = 40
"""Rows of a table in the Markdown; its CSV has all of them."""
LONGEST = 240
"""Characters of a cell in the Markdown; its CSV has the whole text."""

_PACKAGES = ("insttui", "torch", "transformers", "numpy", "scipy", "scikit-learn")
_TESTED = re.compile(r"\bp (?:< )?\d")
ON_TESTS = (
    f"A difference is called one where p < {SIGNIFICANT:g}, and a sentence says where it is not "
    "shown any more after Holm's correction. The family of tests is all of this report: p_holm "
    "bounds the chance of any false finding among them, p_bh (Benjamini and Hochberg) the share of "
    "false ones. Where a test is over layers, these are taken as independent, which they are not."
)
"""What is to say once where sentences tell tests."""
# Characters that Markdown interprets; it ignores an underscore inside a word.
_MARKS = re.compile(r"[\\`*\[\]<>|~&$]|(?<!\w)_|_(?!\w)")
# Invisible characters that change how text reads: control and direction ones, lone surrogates.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]"
)


def write_report(findings: Findings, folder: Path, *, parquet: bool = False) -> Path:
    """Write a study's report into a sub-folder named after the study.

    Args:
        findings: What the study found.
        folder: Created if missing. Reports of other studies in it stay; files of an earlier
            report of this study are removed.
        parquet: Whether each table is a Parquet file too.

    Returns:
        The path of ``report.md``.

    Raises:
        ProblemError: ``storage`` when it cannot be written, ``input`` without pyarrow.
    """
    target = folder / findings.study
    try:
        with making_folder(folder) as made:
            for table in (*findings.tables, *findings.data):
                _save_csv(table.table, made / _csv(table))
                if parquet:
                    save_parquet(table.table, made / f"{table.name}.parquet")
            for figure in findings.figures:
                save_figure(figure, made)
            (made / REPORT).write_text(
                report_text(findings, parquet=parquet), encoding="utf-8", newline="\n"
            )
            target.mkdir(exist_ok=True)
            place_files(made, target, last=REPORT)
    except OSError as error:
        raise _unwritable(target, error) from error
    return target / REPORT


def check_report_place(study: str, folder: Path) -> None:
    """Check before a study runs that its report can be written; ProblemError ``storage`` if not."""
    target = folder / study
    try:
        check_folder(target)
    except OSError as error:
        raise _unwritable(target, error) from None


def _unwritable(target: Path, error: OSError) -> ProblemError:
    return problem(
        "storage",
        f"The report cannot be written to {target}.",
        f"{reason(error)}.",
        "Free space there, or give another folder.",
    )


def _save_csv(table: Table, path: Path) -> None:
    """Write a CSV file; an interrupted one is removed with the temporary folder."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        write_csv(table, stream)


def report_text(findings: Findings, *, parquet: bool = False) -> str:
    return "\n\n".join(_blocks(findings, parquet=parquet)) + "\n"


def _blocks(findings: Findings, *, parquet: bool) -> Iterator[str]:
    """Headings, paragraphs, lists and tables, top to bottom."""
    yield f"# {text(findings.title)}"
    yield text(_subject(findings.parameters))
    yield _list(findings.statements) if findings.statements else "Nothing was found to report."
    if tells_tests(findings.statements):
        yield text(ON_TESTS)
    if findings.notes:
        yield "## Notes"
        yield _list(findings.notes)
    if findings.figures:
        yield "## Figures"
        for figure in findings.figures:
            yield from _figure(figure)
    yield "## Tables"
    if parquet:
        yield "Beside each CSV file is the same table in Parquet."
    for table in findings.tables:
        yield from _table(table)
    if findings.data:
        yield "## Data"
        yield "What the tables above are made of, too long to be read here."
        yield "\n".join(map(_data, findings.data))
    yield "## Parameters"
    yield "Everything that the numbers depend on; with it the same command gives the same tables."
    rows = [*findings.parameters.items(), *_versions()]
    yield rows_text(Table(("parameter", "value"), rows))


def _subject(parameters: Mapping[str, Cell]) -> str:
    """What was studied, in a sentence or two."""
    base, tuned = parameters.get("base"), parameters.get("tuned")
    if base is None or tuned is None:
        return f"Of {parameters.get('models', 'stored results')}."
    given = [each for each in ("prompts", "instructions") if each in parameters]
    asked = "".join(f", with the {each} “{parameters[each]}”" for each in given)
    small = f" They are {CAVEAT}" if is_demo(str(base), str(tuned)) else ""
    return f"Of {base} (base) and {tuned} (tuned){asked}.{small}"


def tells_tests(sentences: Iterable[str]) -> bool:
    """Whether any of these sentences has a p-value."""
    return any(_TESTED.search(each) for each in sentences)


def _list(sentences: tuple[str, ...]) -> str:
    return "\n".join(f"- {text(each)}" for each in sentences)


def _figure(figure: Figure) -> Iterator[str]:
    first, *others = (f"{figure.name}.{suffix}" for suffix in reversed(FORMATS))
    links = ", ".join(f"[{name}]({name})" for name in (first, *others))
    yield f"### {text(figure.title)}"
    yield f"![{text(figure.title)}]({first})"
    yield f"Files: {links}"


def _table(named: NamedTable) -> Iterator[str]:
    yield f"### {text(named.title)}"
    if named.note:
        yield text(named.note)
    shown = list(islice(named.table, MOST_ROWS))
    count = sum(1 for _ in named.table)
    if shown:
        yield rows_text(Table(named.table.columns, shown))
    else:
        yield "No rows."
    all_rows = f"[{_csv(named)}]({_csv(named)})"
    if count > len(shown):
        yield f"The first {len(shown)} of {count:,} rows; all are in {all_rows}."
    elif any(isinstance(cell, str) and len(cell) > LONGEST for row in shown for cell in row):
        yield f"Unrounded, and uncut: {all_rows}."
    else:
        yield f"Unrounded: {all_rows}."


def _data(named: NamedTable) -> str:
    """A file that is not shown as a table, with its columns."""
    columns = ", ".join(text(each) for each in named.table.columns)
    note = f" {text(named.note)}" if named.note else ""
    return f"- [{_csv(named)}]({_csv(named)}): {text(named.title)} ({columns}).{note}"


def of_numbers(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[bool]:
    """Which columns are of numbers, and so go to the right."""
    return [
        any(isinstance(row[place], int | float) for row in rows)
        and not any(isinstance(row[place], str) for row in rows)
        for place in range(len(columns))
    ]


def rows_text(table: Table) -> str:
    """A table in Markdown, numbers right-aligned with four digits."""
    rows = list(table)
    lines = [
        [text(column) for column in table.columns],
        ["--:" if each else ":--" for each in of_numbers(table.columns, rows)],
        *([_cell(cell) for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(cell: Cell) -> str:
    return text(in_words(cell))


def in_words(cell: Cell) -> str:
    """A cell for a reader, not yet harmless: four digits of a number, `LONGEST` characters."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.4g}"
    words = str(cell)
    return words if len(words) <= LONGEST else f"{words[:LONGEST].rsplit(' ', 1)[0]} …"


def text(raw: str) -> str:
    """Escape text for Markdown, and spell out invisible characters."""
    return seen(_MARKS.sub(r"\\\g<0>", raw), escape="\\\\")


def seen(raw: str, *, escape: str = "\\") -> str:
    """Spell out invisible characters by their numbers in hexadecimal, behind this backslash."""
    return _UNSEEN.sub(lambda found: f"{escape}u{ord(found.group()):04x}", raw)


def _versions() -> Iterator[tuple[str, Cell]]:
    yield "version of Python", platform.python_version()
    for package in _PACKAGES:
        try:
            yield f"version of {package}", version(package)
        except PackageNotFoundError:
            continue


def _csv(table: NamedTable) -> str:
    return f"{table.name}.csv"
