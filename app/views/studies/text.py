"""The Studies view's texts: help, states of studies, statements, details of a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import wrap

from rich.cells import cell_len
from textual.content import Content

from analysis.demo.catalog import CAVEAT, is_demo
from analysis.events import Progress
from analysis.table import Cell
from app.jobs.ahead import Ahead, ahead_words
from app.jobs.progress_text import duration
from app.jobs.study_run import StudyRun
from app.terminal.text import fit, pad
from app.views.studies.desk import OfferedStudy
from app.widgets.lines import Line, Part
from app.widgets.table_rows import cell_text

HELP = (
    "Statistics over many prompts or over all weights: the tables and figures of the paper, for "
    "the models or the stored maps that are open. A study runs while you do something else; what "
    "it computes is kept on disk, so that one that was stopped goes on where it was.\n\n"
    "The list begins with an overview: the finding of every study in a sentence, and what its "
    "numbers do not show; w writes it as a page, with the reports of the studies that are done. "
    "The list says what a study costs, how much of it is kept from before, and which are done, "
    "also after a restart. Enter runs a study, and opens what it found: on the first page the "
    "finding, a figure and a table; left and right turn to all others. On a row, enter "
    "goes to what it speaks of: the case in the Saliency view, the head, the component, the "
    "neurons of a category, the clusters of a layer; escape leads back to the row. Prompts come "
    "from a file in JSON lines, CSV or TSV with a "
    "column “prompt”, and if there are any “id”, “instruction_spans”, “dataset”, “rating”.\n\n"
    "Opened with --series, the app offers every study along the training run: the same study at "
    "every step, with curves over the steps first; a turns to the last step alone, which the other "
    "views show, and back.\n\n"
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


def scope_line(
    steps: Sequence[str], *, along: bool, cells: int, prose: Callable[[str], str]
) -> Line:
    """Whether studies go along a training run or are of its last step, and the key for the other.

    The steps are named as far as there is room.
    """
    if not along:
        return [
            (fit(prose(f"step {steps[-1]} alone · a: all {len(steps)} steps"), cells), "strong")
        ]
    said = f"along {len(steps)} steps"
    named = (f"{said}: {', '.join(steps)}", f"{said}: {steps[0]} to {steps[-1]}", said)
    key = " · a: the last alone"
    words = next((each for each in named if cell_len(each + key) <= cells), said)
    return [(fit(prose(words + key), cells), "strong")]


_NOT_RUN = "not run"
_MARKUP = {"strong": "bold", "warn": "$text-warning", "bad": "$text-error", "dim": "$text-muted"}


def state_text(study: OfferedStudy, cells: int = 200) -> str:
    """A study's state in a few harmless words, as many as fit."""
    run = study.run
    if run is None:
        return "done" if study.findings is not None else _ahead_text(study.ahead, cells)
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


def _ahead_text(ahead: Ahead | None, cells: int) -> str:
    if ahead is None:
        return _NOT_RUN
    kept = f"{ahead.kept:,} of {ahead.asked:,} answers kept" if ahead.kept else _NOT_RUN
    if ahead.kept >= ahead.asked:
        return "all kept but its last part" if ahead.more else "all kept, takes a moment"
    if ahead.seconds is None:
        return kept
    seconds = f"about {duration(ahead.seconds)}{' and more' if ahead.more else ''}"
    return _fitting(cells, [kept, seconds], [kept.replace(" answers", ""), seconds], [kept])


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


def list_line(study: OfferedStudy, name_cells: int, width: int, state_cells: int = 0) -> Line:
    """A study in the list: its name and state, and its title if there is room.

    States take at least `state_cells`, so that the titles are aligned.
    """
    words = state_text(study, width - name_cells - 3)
    state = "none" if study.run is None else study.run.state
    if study.run is None and study.findings is not None:
        state = "done"
    style = {"none": "dim", "done": "", "failed": "bad"}.get(state, "accent")
    words = words.ljust(max(len(_NOT_RUN), state_cells))
    parts = [(f" {pad(study.spec.name, name_cells)}  ", "strong"), (words, style)]
    room = width - name_cells - cell_len(words) - 6
    if room >= 20:
        parts.append((f"   {fit(study.spec.title, room)}", "dim"))
    return parts


def told(study: OfferedStudy, works_on: str, prose: Callable[[str], str]) -> list[Part]:
    """What is to say of a study, in harmless paragraphs with their styles, the finding first.

    Before there are findings: what it works on, and what it costs.
    """
    parts: list[Part] = []
    run, findings = study.run, study.findings
    if run is not None and run.state == "failed" and run.problem is not None:
        problem = run.problem
        said = filter(None, (problem.what, problem.why, problem.remedy))
        parts.append((prose(" ".join(said)), "bad"))
        parts.append(("What was computed is kept. r goes on.", "strong"))
    elif run is not None and run.state == "stopped":
        parts.append(("Stopped. What was computed is kept; r goes on.", "warn"))
    elif run is not None and run.state == "waiting":
        parts.append(("It waits until the study that runs has ended; s takes it back.", "strong"))
    elif run is not None and run.active:
        parts.append(("It is running; s stops it. Other views can be used meanwhile.", "strong"))
    active = run is not None and run.active
    if findings is None:
        parts.append((prose(f"Works on {study.runs_on if active else works_on}."), ""))
        if study.ahead is not None and not active:
            parts.append((prose(ahead_words(study.ahead)), ""))
        if run is None:
            begun = study.ahead is not None and study.ahead.kept
            parts.append((f"enter {'goes on' if begun else 'runs it'}.", "strong"))
        return parts
    if works_on != study.found_on and not active:
        about = f"This was found on {study.found_on}. r runs it on {works_on}."
        parts.append((prose(about), "warn"))
    first, *others = findings.statements or ("Nothing was found to report.",)
    parts.append((prose(first), "strong"))
    pair = [str(findings.parameters.get(role)) for role in ("base", "tuned")]
    if is_demo(*pair):
        parts.append((prose(f"{' and '.join(pair)} are {CAVEAT}"), "warn"))
    parts += [(prose(each), "") for each in others]
    return parts + [(prose(each), "dim") for each in findings.notes]


def as_content(parts: Sequence[Part]) -> Content:
    """Paragraphs as a text that scrolls."""
    styled = (Content.styled(text, _MARKUP.get(style, "")) for text, style in parts)
    return Content("\n\n").join(styled)


def as_lines(parts: Sequence[Part], width: int, height: int) -> list[Line]:
    """As much of some paragraphs as fits; the last line says if there is more."""
    lines: list[Line] = [
        [(line, style)] for text, style in parts for line in wrap(text, max(20, width))
    ]
    if len(lines) <= height:
        return lines
    return [*lines[: height - 1], [("… → all that was found", "dim")]]


def going_on(study: OfferedStudy | None, cells: int, prose: Callable[[str], str]) -> Line:
    """The running study's progress in one line of at most `cells` columns; empty for none."""
    run = None if study is None else study.run
    if study is None or run is None:
        return []
    progress = run.progress
    if progress is None:
        return [(prose(f"{study.name}: starting"), "")]
    stage = prose(" ".join(part for part in (progress.stage, _so_far(progress)) if part))
    head, detail = f"{study.name}: {stage}", prose(progress.detail)
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
