"""The first entry of the list of studies: what all of them found, a sentence each.

It shows what is kept, and begins nothing: what was not found yet has its price there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from analysis.studies.caveats import caveat_of
from analysis.studies.overview import NOTHING, Overview, Section, in_order
from analysis.table import Table
from app.jobs.ahead import ahead_words
from app.terminal.text import fit, pad
from app.views.studies.desk import OfferedStudy
from app.views.studies.pages import StudyPage
from app.views.studies.text import state_text
from app.widgets.lines import Line, Part
from app.workspace import PairWorkspace

NAME = "overview"
TITLE = "What tuning changed, in a sentence a study"
PAGES = (StudyPage("text", NAME, TITLE),)


def in_sections(studies: Sequence[OfferedStudy]) -> list[OfferedStudy]:
    """Studies in the order of the overview's sections."""
    by_name = {each.spec.name: each for each in studies}
    return [by_name[spec.name] for spec in in_order(each.spec for each in studies)]


def overview_line(studies: Sequence[OfferedStudy], name_cells: int, width: int, cells: int) -> Line:
    """The overview in the list: whether studies have findings, in at least so many `cells`."""
    done = sum(each.findings is not None for each in studies)
    state = ("none" if not done else "all" if done == len(studies) else "some") + " found"
    state = state.ljust(cells)
    parts = [(f" {pad(NAME, name_cells)}  ", "strong"), (state, "dim")]
    room = width - name_cells - len(state) - 6
    if room >= 20:
        parts.append((f"   {fit('what tuning changed', room)}", "dim"))
    return parts


def overview_told(
    studies: Sequence[OfferedStudy],
    works_on: Callable[[OfferedStudy], str],
    prose: Callable[[str], str],
) -> list[Part]:
    """Of every study its finding and what that does not show; else its state and its price."""
    parts: list[Part] = []
    for study in in_sections(studies):
        found, name = study.findings, study.spec.name
        if found is None:
            parts.append((prose(f"{name}: {_to_come(study)}"), "dim"))
            continue
        sentence = next(iter(found.statements), NOTHING)
        parts.append((prose(f"{name}: {sentence}"), "strong"))
        if study.found_on != works_on(study):
            parts.append((prose(f"This was found on {study.found_on}."), "warn"))
        parts.append((prose(f"Caveat: {caveat_of(name)}"), ""))
    if any(each.findings is None and not each.active for each in studies):
        parts.append(("Enter on a study in the list runs it.", "strong"))
    return parts


def _to_come(study: OfferedStudy) -> str:
    run = study.run
    if run is not None and run.state == "failed" and run.problem is not None:
        return f"it failed. {run.problem.what}"
    if study.active:
        return f"{state_text(study)}."
    return f"{state_text(study)}." if study.ahead is None else ahead_words(study.ahead)


def overview_of(
    work: PairWorkspace, studies: Sequence[OfferedStudy], command: Callable[[OfferedStudy], str]
) -> Overview:
    """The page that ``insttui report`` writes, of what was found so far.

    Args:
        work: The models.
        studies: All that are offered.
        command: What repeats one of them on a command line.
    """
    sections = tuple(
        Section(
            each.spec.name,
            each.findings.title if each.findings else each.spec.title,
            command(each),
            each.findings,
            "" if each.findings else "it was not run yet.",
        )
        for each in in_sections(studies)
    )
    along = any(each.along for each in studies)
    steps = tuple(each.model.name for each in work.series) if along else (work.tuned.name,)
    rows = [("base", work.base.name), *(("tuned", name) for name in steps)]
    return Overview(work.base.name, steps, Table(("role", "model"), rows), sections)


def write_all(page: Overview, folder: Path) -> Path:
    """Write the page and its sections' own reports, and return the page's path."""
    # Imported here: only a report needs to draw figures.
    from analysis.studies.overview_page import write_overview
    from analysis.studies.report import write_report

    for each in page.sections:
        if each.findings is not None:
            write_report(each.findings, folder)
    return write_overview(page, folder)
