"""Writes an overview: ``report.md`` and ``report.html`` beside the folders of its studies.

Each study's own report, figures and tables are in its folder, as `analysis.studies.report` writes
them; the page shows the first of them and links to all.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from analysis.demo.catalog import CAVEAT, is_demo
from analysis.files.writing import check_folder, reason
from analysis.problems import ProblemError, problem
from analysis.studies.findings import Findings, NamedTable
from analysis.studies.making import making_folder
from analysis.studies.markup import (
    Block,
    Command,
    Heading,
    Item,
    Items,
    Paragraph,
    Picture,
    Rows,
    as_html,
    as_markdown,
)
from analysis.studies.overview import NOTHING, Overview, Section
from analysis.studies.placing import place_files
from analysis.studies.report import ON_TESTS, REPORT, tells_tests
from analysis.table import Table

PAGE = "report.html"

MOST_SENTENCES = 12
"""Sentences of a section on the page; its own report has all."""
MOST_ROWS = 8
"""Rows of a table that stands in for a figure."""
MOST_FIGURES = 1
MOST_CURVES = 3
"""Figures of a section, of one pair and along a training run."""

_OF_TESTS = (
    f"{ON_TESTS.replace('all of this report', 'all of a section')} That there are several sections "
    "is not corrected for."
)


def write_overview(overview: Overview, folder: Path) -> Path:
    """Write the page; the reports of its sections are written already.

    Returns:
        The path of ``report.html``.

    Raises:
        ProblemError: ``storage`` when it cannot be written.
    """
    page = tuple(blocks(overview))
    try:
        with making_folder(folder) as made:
            for name, words in (
                (REPORT, as_markdown(page)),
                (PAGE, as_html(_title(overview), page)),
            ):
                (made / name).write_text(words, encoding="utf-8", newline="\n")
            place_files(made, folder, last=PAGE)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder / PAGE


def check_overview_place(folder: Path) -> None:
    """Check before anything is computed that a page can be written; ProblemError ``storage``."""
    try:
        check_folder(folder)
        for name in (REPORT, PAGE):
            if (folder / name).is_dir():
                raise IsADirectoryError(21, "Is a directory", str(folder / name))
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> ProblemError:
    return problem(
        "storage",
        f"The page cannot be written to {folder}.",
        f"{reason(error)}.",
        "Free space there, or give another folder.",
    )


def blocks(overview: Overview) -> Iterator[Block]:
    """The page from top to bottom."""
    yield Heading(1, _title(overview))
    yield Items(
        tuple(Item(each.sentence, each.study, f"#{each.study}") for each in overview.sections)
    )
    if is_demo(overview.base, *overview.tuned):
        yield Paragraph(f"They are {_of_demo(overview)}", "caveat")
    yield Rows(overview.models)
    if overview.warnings:
        yield Items(tuple(Item(each, "Warning") for each in overview.warnings))
    if overview.made:
        yield Paragraph(overview.made, "aside")
    for each in overview.sections:
        yield from _section(each)
    yield Heading(2, "How to read the numbers")
    if tells_tests(_statements(overview)):
        yield Paragraph(_OF_TESTS)
    yield Paragraph(
        "Each section is a study of its own. Its folder has a report with all that it found, every "
        "table as CSV, unrounded, and everything that the numbers depend on; with that, the same "
        "command gives the same tables."
    )


def _title(overview: Overview) -> str:
    if len(overview.tuned) > 1:
        return f"What tuning changed: {overview.base}, and {len(overview.tuned)} steps of training"
    return f"What tuning changed: {overview.base} and {overview.tuned[0]}"


def _of_demo(overview: Overview) -> str:
    return CAVEAT if len(overview.tuned) == 1 else CAVEAT.replace("two models", "models")


def _statements(overview: Overview) -> Iterator[str]:
    for each in overview.sections:
        if each.findings is not None:
            yield from each.findings.statements


def _section(section: Section) -> Iterator[Block]:
    yield Heading(2, section.title[:1].upper() + section.title[1:], section.study)
    found = section.findings
    if found is None:
        yield Paragraph(section.sentence)
    else:
        yield from _found(section, found)
    yield Paragraph("The command that repeats this section:", "aside")
    yield Command(section.command)


def _found(section: Section, found: Findings) -> Iterator[Block]:
    folder = found.study
    statements = found.statements or (NOTHING,)
    yield Items(tuple(map(Item, statements[:MOST_SENTENCES])))
    if (more := len(statements) - MOST_SENTENCES) > 0:
        yield Paragraph(f"… and {more} more in the section's own report.", "aside")
    yield Paragraph(f"Caveat: {section.caveat}", "caveat")
    along = any(each.name.startswith("curve-") for each in found.figures)
    for figure in found.figures[: MOST_CURVES if along else MOST_FIGURES]:
        yield Picture(f"{folder}/{figure.name}", figure.title)
    if not found.figures and found.tables:
        yield from _first_rows(found.tables[0])
    for note in found.notes:
        yield Paragraph(note, "aside")
    yield Items(tuple(_files(folder, found)))


def _first_rows(named: NamedTable) -> Iterator[Block]:
    yield Paragraph(f"{named.title}:")
    yield Rows(Table(named.table.columns, list(islice(named.table, MOST_ROWS))))
    if named.note:
        yield Paragraph(named.note, "aside")


def _files(folder: str, found: Findings) -> Iterator[Item]:
    yield Item("all that was found, with every figure", REPORT, f"{folder}/{REPORT}")
    for named in found.tables:
        file = f"{named.name}.csv"
        yield Item(named.title, file, f"{folder}/{file}")
