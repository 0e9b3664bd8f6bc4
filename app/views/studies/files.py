"""What of a study leaves the program: a table as CSV, the whole report as a folder."""

from __future__ import annotations

from pathlib import Path

from analysis.studies.findings import Findings
from app.frame.export import free_path, save_csv
from app.views.studies.pages import StudyPage


def export_page(page: StudyPage, study: str, about: str, folder: Path) -> Path:
    """Write the table of a page, or the numbers of its figure, to a new CSV file.

    Args:
        page: A page with a table.
        study: The study's name.
        about: What was studied: models or a library.
        folder: Where.

    Raises:
        OSError: It cannot be written.
    """
    assert page.table is not None
    path = free_path(folder, "-".join(["study", study, page.name, about]), ".csv")
    save_csv(page.table, path)
    return path


def write_study_report(findings: Findings, about: str, folder: Path) -> Path:
    """Write a report with its tables and figures into a new folder.

    Args:
        findings: What the study found.
        about: What was studied: models or a library.
        folder: Where the new folder is made.

    Returns:
        The report.

    Raises:
        ProblemError: ``storage``: it cannot be written.
    """
    # It draws figures: imported when one asks for it.
    from analysis.studies.report import write_report

    return write_report(findings, free_path(folder, f"study-{findings.study}-{about}", ""))
