"""The Studies view's texts: help, states of studies, statements, details of a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import wrap

from rich.cells import cell_len
from textual.content import Content

from analysis.events import Progress
from analysis.table import Cell
from app.jobs.progress_text import duration
from app.jobs.study_run import StudyRun
from app.terminal.text import fit, pad
from app.views.studies.desk import OfferedStudy
from app.widgets.lines import Line
from app.widgets.table_rows import cell_text

HELP = (
    "Statistics over many prompts or over all weights: the tables and figures of the paper, for "
    "the models or the stored maps that are open. A study runs while you do something else; what "
    "it computes is kept on disk, so that one that was stopped goes on where it was.\n\n"
    "Enter runs a study, and opens what it found; left and right turn its pages. On a row, enter "
    "goes to what it speaks of: the case in the Saliency view, the head, the component, the "
    "neurons of a category, the clusters of a layer; escape leads back to the row. Prompts come "
    "from a file in JSON lines, CSV or TSV with a "
    "column “prompt”, and if there are any “id”, “instruction_spans”, “dataset”, “rating”.\n\n"
    "± is a standard deviation. A p-value says how often chance alone would show as much; p_holm "
    "and p_bh are corrected for the number of tests in the study. Effect sizes have 95 % "
    "intervals. A study that shows nothing says so.\n\n"
    "Formulas\n\n"
    "density   instruction scores, group against group: responses that followed the instruction "
    "against those that did not (Table 1, where there are ratings), the tuned model's against the "
    "base model's (Table 2). A score is Σ a / log2(2 + number) over the instruction tokens, with "
    "a the importance density ‖S_n‖1 / ‖S_n‖4, divided by the prompt's largest. p: Welch's "
    "one-sided t-test that the first group's mean is greater.\n"
    "position   the share of a sentence's density that each quarter of the sentence holds, "
    "averaged over a prompt's sentences, then over prompts. A quarter each: no matter where. More "
    "at both ends: the U shape of the paper.\n"
    "heads   how far the word pairs of every attention head changed, 1 - |A ∩ B| / |A ∪ B|, and "
    "whether heads turned to the verbs of instructions more than to other verbs.\n"
    "concepts   the components of all feed-forward layers: variance, rotation by tuning, and what "
    "their words are about where they were described.\n"
    "components, clusters   which neurons and experts instructions of each kind need, and how "
    "hidden states gather by task: what the views of these names show, as tables."
)


_NOT_RUN = "not run"


def state_text(run: StudyRun | None, cells: int = 200) -> str:
    """A study's state in a few harmless words, as many as fit."""
    if run is None:
        return _NOT_RUN
    state, progress = run.state, run.progress
    if state == "waiting":
        return "waits for its turn"
    if progress is None or state in ("done", "failed"):
        return state
    so_far = _so_far(progress)
    if not so_far:
        return state
    if state != "running":
        return f"{state} at {so_far}"
    rate, rest = _pace(run)
    return _fitting(cells, [f"running {so_far}", rate, rest], [f"running {so_far}", rest])


def _so_far(progress: Progress) -> str:
    if progress.total is not None:
        return f"{progress.done:,} of {progress.total:,}"
    return f"{progress.done:,}" if progress.done else ""


def _pace(run: StudyRun) -> tuple[str, str]:
    """The stage's rate and its time left; empty if unknown."""
    left = None if run.progress is None else run.pace.seconds_left(run.progress.total)
    return _rate(run.pace.per_second), "" if left is None else f"about {duration(left)} left"


def _fitting(cells: int, *wordings: Sequence[str]) -> str:
    """The first wording that fits, else the beginning of the last one."""
    joined = (" · ".join(part for part in parts if part) for parts in wordings)
    return next((words for words in joined if cell_len(words) <= cells), wordings[-1][0])


def _rate(per_second: float | None) -> str:
    if per_second is None:
        return ""
    for factor, unit in ((1, "second"), (60, "minute")):
        if per_second * factor >= 1:
            return f"{per_second * factor:.3g} a {unit}"
    return f"{per_second * 3600:.2g} an hour"


def list_line(study: OfferedStudy, name_cells: int, width: int) -> Line:
    """A study in the list: its name and state, and its title if there is room."""
    words = state_text(study.run, width - name_cells - 3)
    state = "none" if study.run is None else study.run.state
    style = {"none": "dim", "done": "", "failed": "bad"}.get(state, "accent")
    # Align the titles, except that of a running study.
    words = words.ljust(len(_NOT_RUN))
    parts = [(f" {pad(study.spec.name, name_cells)}  ", "strong"), (words, style)]
    room = width - name_cells - cell_len(words) - 6
    if room >= 20:
        parts.append((f"   {fit(study.spec.title, room)}", "dim"))
    return parts


def study_text(study: OfferedStudy, works_on: str, prose: Callable[[str], str]) -> Content:
    """A study's findings, or its subject and next input before there are any; paragraphs."""
    parts: list[tuple[str, str]] = []
    run, findings = study.run, study.findings
    if run is not None and run.state == "failed" and run.problem is not None:
        problem = run.problem
        for each in (problem.what, problem.why, problem.remedy):
            if each:
                parts.append((prose(each), "$text-error"))
        parts.append(("What was computed is kept. r goes on.", "bold"))
    elif run is not None and run.state == "stopped":
        parts.append(("Stopped. What was computed is kept; r goes on.", "$text-warning"))
    elif run is not None and run.state == "waiting":
        parts.append(("It waits until the study that runs has ended; s takes it back.", "bold"))
    elif run is not None and run.active:
        parts.append(("It is running; s stops it. Other views can be used meanwhile.", "bold"))
    active = run is not None and run.active
    if findings is None:
        parts.append((prose(f"Works on {study.runs_on if active else works_on}."), ""))
        if run is None:
            parts.append(("enter runs it.", "bold"))
    else:
        if works_on != study.found_on and not active:
            about = f"This was found on {study.found_on}. r runs it on {works_on}."
            parts.append((prose(about), "$text-warning"))
        parts += [(prose(each), "") for each in findings.statements]
        parts += [(prose(each), "$text-muted") for each in findings.notes]
    return Content("\n\n").join(Content.styled(text, style) for text, style in parts)


def going_on(study: OfferedStudy | None, cells: int, prose: Callable[[str], str]) -> Line:
    """The running study's progress in one line of at most `cells` columns; empty for none."""
    run = None if study is None else study.run
    if study is None or run is None:
        return []
    progress = run.progress
    if progress is None:
        return [(prose(f"{study.spec.name}: starting"), "")]
    stage = prose(" ".join(part for part in (progress.stage, _so_far(progress)) if part))
    head, detail = f"{study.spec.name}: {stage}", prose(progress.detail)
    rate, rest = _pace(run)
    said = [head, rate, rest, detail], [head, rest, detail], [head, rate, rest], [head, rest]
    return [(_fitting(cells, *said), "")]


def row_lines(
    columns: Sequence[str],
    row: Sequence[Cell],
    note: str,
    *,
    width: int,
    height: int,
    prose: Callable[[str], str],
) -> list[Line]:
    """The lines below a table: the complete row under the cursor, and how to read the table.

    `row` is empty if the table shows all of it; of at most `height` lines the note takes
    precedence.
    """
    notes = wrap(prose(note), max(20, width))[:height]
    # Keep a name and its value on one line.
    cells = [
        prose(f"{name} {cell_text(cell)}").replace(" ", "\xa0")
        for name, cell in zip(columns, row, strict=False)
        if cell not in (None, "")
    ]
    wrapped = wrap("\xa0· ".join(cells), max(20, width), break_on_hyphens=False)
    lines = [line.replace("\xa0", " ").strip() for line in wrapped]
    room = max(0, height - len(notes))
    if len(lines) > room:
        lines = [*lines[: max(0, room - 1)], *([fit(f"{lines[room - 1]}…", width)] if room else [])]
    return [*([(line, "")] for line in lines), *([(line, "dim")] for line in notes)]
