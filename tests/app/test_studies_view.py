"""The Studies view, driven by keys: run, watch, stop, go on, read, and go where a row leads."""

from __future__ import annotations

import csv
import json

import pytest

from analysis.events import Notice
from analysis.models.request import TokenizeRequest
from analysis.problems import Problem
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.prompt_sets import demo_prompts
from app.views.studies.pane import StudyPane
from app.views.studies.view import StudiesView
from tests.app.pair_app import (
    PairApp,
    library_app,
    pair_at,
    screen,
    until,
    until_quiet,
    until_shown,
)
from tests.app.studies_screen import (
    NARROW,
    WIDE,
    finished,
    opened,
    played,
    shown_studies,
    turned_to,
)
from tests.support.scripted_session import answer
from tests.support.scripted_studies import CASE_COLUMNS, NOTE, engine_died


@pytest.fixture
def play(monkeypatch):
    """The script of the studies, which are in place of the real ones."""
    yield from played(monkeypatch)


@pytest.fixture
def library(tmp_path, play):
    with library_app(tmp_path) as app:
        yield app


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_study_runs_is_stopped_and_goes_on_where_it_was(tmp_path, play, size):
    async with pair_at(shown_studies, tmp_path, size=size) as (pair, pilot):
        shown = screen(pair.app)
        assert "the demo's held-out prompts" in shown
        play.gate.clear()
        await pilot.press("enter")
        shown = await until_shown(
            pilot, "running 0 of 12", "asking demo-base 0 of 12 · case-0", "s stop"
        )
        assert "s stops" in shown.splitlines()[-2]
        await pilot.press("s")
        await until_shown(pilot, "stopped at 0 of 12", "r goes on", "r again")
        play.gate.set()
        await pilot.press("r")
        await until_shown(
            pilot, "done", "Tuned scores are higher: p 0.01.", "One case was left out"
        )
        assert [given.prompts.name for given in play.given] == ["demo", "demo"]
        assert "stops" not in screen(pair.app)


async def test_one_study_runs_at_a_time_and_one_that_waits_can_be_stopped(tmp_path, play):
    async with pair_at(shown_studies, tmp_path) as (pair, pilot):
        play.gate.clear()
        await pilot.press("enter")
        await until_shown(pilot, "running 0 of 12")
        await pilot.press("j", "enter")
        await until_shown(pilot, "waits for its turn", "running 0 of 12")
        await pilot.press("s")
        await until_shown(pilot, "stopped", "running 0 of 12")
        await pilot.press("r")
        await until_shown(pilot, "waits for its turn")
        play.gate.set()
        await until(pilot, lambda: screen(pair.app).count(" done ") == 2)
        assert len(play.given) == 2


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_titles_are_aligned_and_pages_show_all_that_was_found(tmp_path, play, size):
    async with pair_at(finished, tmp_path, size=size) as (pair, pilot):
        lines = screen(pair.app).splitlines()
        (done,) = {line.index("what scores") for line in lines if "what scores" in line}
        (not_run,) = {line.index("what weights") for line in lines if "what weights" in line}
        assert done == not_run
        await pilot.press("enter")
        # The finding, a figure and a table at once.
        first = ["Tuned scores are higher: p 0.01.", "share by place", "demo-tuned"]
        shown = await until_shown(pilot, *first, "A [b]hostile␛[31m⟨202E⟩ one.", "1 of 7")
        assert "\x1b" not in shown
        await pilot.press("l")
        await until_shown(pilot, "All that was found", "One case was left out.", "2 of 7")
        await pilot.press("l")
        shown = await until_shown(pilot, "Every response", "3 of 7", "followed_or_not", NOTE)
        cells = demo_prompts().prompts[0].id, "demo-base", "10", "followed", "0", "0.25"
        if size == WIDE:
            rows = [line.replace("○ ", "").split()[-6:] for line in shown.splitlines()]
            assert list(cells) in rows
        else:
            # What does not fit beside stands below.
            assert "score 0 · share 0.25" in shown
        await pilot.press("l", "right")
        shown = await until_shown(pilot, "A profile", "5 of 7", "share by place", "± line 1")
        row = next(line for line in shown.splitlines() if "second" in line and "1.25" in line)
        assert row.split()[-5:] == ["second", "0.25", "0.2", "1.25", "0.2"]
        await pilot.press("l")
        shown = await until_shown(pilot, "Groups", "signs [b]␛[31m", "1 ± 0.12")
        assert shown.count("█") > 10
        await pilot.press("l")
        shown = await until_shown(pilot, "What the numbers depend on", "norm")
        await pilot.press("h", "h")
        await until_shown(pilot, "A profile")
        await pilot.press("escape")
        await until_shown(pilot, "done")
        assert "run/open" in screen(pair.app).splitlines()[-1]


async def test_a_figure_with_many_lines_is_drawn_on_several_pages(tmp_path, play):
    play.lines = 6
    async with pair_at(finished, tmp_path) as (pair, _):
        pane = pair.app.query_one(StudyPane)
        figures = [page for page in pane._pages if page.kind == "lines"]
        assert [len(page.figure.series) for page in figures] == [4, 2]
        # The overview exports what its table does.
        assert len({page.name for page in pane._pages[1:]}) == pane.count - 1


async def test_columns_come_on_a_key(tmp_path, play):
    async with pair_at(opened, tmp_path, "Every response", size=NARROW) as (pair, pilot):
        heading = pair.app.query_one("#rows").heading
        assert heading().split()[:3] == list(CASE_COLUMNS[:3])
        await pilot.press("greater_than_sign", "greater_than_sign")
        assert heading().split()[:3] == ["case", "rating", "followed_or_not"]
        await pilot.press(*["greater_than_sign"] * 20)
        assert heading().split() == ["case", "share"]
        await pilot.press("less_than_sign")
        assert heading().split() == ["case", "score", "share"]


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_rows_are_sorted_filtered_and_seen_in_full_and_lead_where_they_did(
    tmp_path, play, size
):
    async with pair_at(opened, tmp_path, "Every response", size=size) as (pair, pilot):
        rows = pair.app.query_one("#rows")
        total = 2 * len(demo_prompts().prompts)
        keys = screen(pair.app).splitlines()[-1]
        assert all(key in keys for key in ("enter run/open", "o sort", "/ find", "esc back"))
        await pilot.press("j", "slash", *"DEMO-TUNED", "space", *"followed")
        await until_shown(pilot, f"{total // 2} of {total}", "/DEMO-TUNED followed")
        assert rows.row_number == 1
        # Letters that are keys elsewhere were typed; arrows move on meanwhile.
        await pilot.press("down", "enter")
        assert (rows.row_number, rows.typing) == (3, False)
        # From the largest down: of each case the tuned model's row alone.
        await pilot.press(*"ooo")
        await until_shown(pilot, "▼response_length")
        assert (rows.row_number, rows.cursor) == (3, total // 2 - 2)
        await pilot.press("O")
        await until_shown(pilot, "▲response_length")
        assert (rows.row_number, rows.cursor) == (3, 1)
        await pilot.press("space")
        case = demo_prompts().prompts[1].id
        await until_shown(pilot, f"row 2 of {total // 2}", case, "0.1428571429", "followed_or_not")
        await pilot.press("escape", "enter")
        prompt = demo_prompts().prompts[1].prompt.split("\n")[0][:40]
        await until_shown(pilot, "instruction score", prompt)
        await pilot.press("escape")
        await until_shown(pilot, "Every response", "▲response_length", f"of {total}")
        await pilot.press("escape")
        await until(pilot, lambda: rows.count == total)
        assert rows.row_number == 3
        # Other pages are arranged otherwise.
        await pilot.press("l", "h")
        await until_shown(pilot, "▲response_length")
        await pilot.press("slash", *"nowhere")
        await until_shown(pilot, "no row has these words", f"0 of {total}")
        await pilot.press("escape", "escape")
        await until_shown(pilot, "not run")


async def test_the_table_exports_as_csv_and_the_report_as_a_folder(tmp_path, play, monkeypatch):
    written = []

    def write_report(findings, folder):
        written.append((findings.study, folder))
        return folder / "report.md"

    monkeypatch.setattr("analysis.studies.report.write_report", write_report)
    async with pair_at(opened, tmp_path, "Every response") as (_, pilot):
        await pilot.press("e")
        await until_shown(pilot, "Written to")
        await turned_to(pilot, "A profile")
        await pilot.press("e")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == 2)
        await pilot.press("w")
        await until(pilot, lambda: bool(written))
    with (tmp_path / "study-scores-cases-demo-base-demo-tuned.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == list(CASE_COLUMNS)
    assert rows[4][3:] == ["", "followed", repr(1 / 7), "0.25"]
    with (tmp_path / "study-scores-figure-profile-demo-base-demo-tuned.csv").open() as stream:
        numbers = list(csv.reader(stream))
    assert numbers[0] == ["place", "line 0", "± line 0", "line 1", "± line 1"]
    assert numbers[2] == ["second", "0.25", "0.2", "1.25", "0.2"]
    assert written == [("scores", tmp_path / "study-scores-demo-base-demo-tuned")]


async def test_a_disk_that_is_full_is_told_and_nothing_is_lost(tmp_path, play, monkeypatch):
    def full(table, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.frame.export.save_csv", full)

    def script(request):
        if isinstance(request, TokenizeRequest):
            yield Notice(Problem(kind="storage", what="The result could not be saved."))
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    # Wide enough for a notification beside the text.
    async with pair.running(size=WIDE) as pilot:
        await shown_studies(pilot)
        await pilot.press("enter")
        await until_shown(pilot, "The result could not be saved.", "Tuned scores are higher")
        await pilot.press("enter", "l", "l", "e")
        await until_shown(pilot, "No space left on device", "Every response")


async def test_a_library_is_studied_without_a_model(library, play):
    async with library.run_test(size=NARROW) as pilot:
        shown = await shown_studies(pilot, "3")
        assert "weights" not in shown
        assert "the 2 stored cases" in shown
        assert "prompts" not in shown.splitlines()[-1]
        await pilot.press("enter")
        await until_shown(pilot, "done")
        assert isinstance(play.given[0], CaseLibrary)
        await pilot.press("enter", "l", "l")
        await until_shown(pilot, "Every response")
        await pilot.press("j", "j", "enter")
        await until_shown(pilot, "two", "instruction score")
        await pilot.press("left_square_bracket")
        await until_shown(pilot, "one")
        await pilot.press("f3")
        await until_shown(pilot, "Every response")
        assert library.query_one("#rows").cursor == 2
        # Escape leads back, too, however many cases were looked at.
        await pilot.press("enter")
        await until_shown(pilot, "two", "instruction score")
        await pilot.press("left_square_bracket")
        await until_shown(pilot, "one")
        await pilot.press("escape")
        await until_shown(pilot, "Every response")
        await pilot.press("1", "enter")
        await until_shown(pilot, "instruction score")
        await pilot.press("escape")
        await until_shown(pilot, "2 of 2 cases")


async def test_another_pair_is_asked_for_its_prompts_first(tmp_path, play):
    good = [{"prompt": f"Say {number}.", "id": f"p{number}"} for number in range(3)]
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n".join([*map(json.dumps, good), "{broken"]))
    async with pair_at(shown_studies, tmp_path, names=("llama", "vicuna")) as (pair, pilot):
        shown = screen(pair.app)
        assert "p names its file" in shown
        await pilot.press("enter")
        await until_shown(pilot, "prompts: a .jsonl, .csv or .tsv file")
        await pilot.press("escape")
        await pilot.pause()
        assert not play.given
        await pilot.press("enter", *"missing.csv", "enter")
        # What was typed is still there.
        await until_shown(pilot, "cannot be read", " missing.csv")
        await pilot.press("ctrl+u", *"prompts.jsonl", "enter")
        await until_shown(pilot, "ine 4", "3 prompts remain", " prompts.jsonl")
        assert not play.given
        await pilot.press("enter")
        await until_shown(pilot, "done", "Left out: line 4")
        assert [each.id for each in play.given[0].prompts.prompts] == ["p0", "p1", "p2"]


async def test_a_study_that_fails_says_why_and_what_was_found_before_stays(tmp_path, play):
    async with pair_at(finished, tmp_path) as (pair, pilot):
        play.fault = engine_died()
        await pilot.press("r")
        await until_shown(pilot, "failed", "The engine died.", "It was killed.", "r goes on")
        assert "Tuned scores are higher" in screen(pair.app)
        await pilot.press("enter", "l", "l")
        await until_shown(pilot, "Every response")
        await pilot.press("escape")
        play.fault = ValueError("a [b]defect")
        await pilot.press("r")
        await until_shown(pilot, "The study ran into a defect.", "ValueError: a [b]defect")
        play.fault = None
        await pilot.press("r")
        await until_shown(pilot, "done")
        assert "defect" not in screen(pair.app)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_quitting_does_not_wait_for_a_study(tmp_path, play, key):
    play.deaf = True
    async with pair_at(shown_studies, tmp_path) as (pair, pilot):
        await pilot.press("enter")
        await until_shown(pilot, "running 0 of 12")
        await pilot.press("j", "enter", key)
        await until(pilot, lambda: not pair.app.is_running or pair.session.closed)
    assert pair.session.closed


async def test_a_study_paints_nothing_until_its_end_is_told_in_another_view(tmp_path, play):
    async with pair_at(shown_studies, tmp_path) as (pair, pilot):
        play.gate.clear()
        await pilot.press("enter")
        await until_shown(pilot, "running 0 of 12")
        drawn = []
        display = pair.app._display
        pair.app._display = lambda *args: (drawn.append(args), display(*args))
        await until_quiet(pilot, drawn)
        await pilot.pause(1.0)
        assert drawn == []
        await pilot.press("1")
        await until_shown(pilot, "Examples")
        play.gate.set()
        await until_shown(pilot, "The study scores is done.")


async def test_help_says_what_the_numbers_mean(tmp_path, play):
    async with pair_at(shown_studies, tmp_path, size=(120, 60)) as (pair, pilot):
        assert isinstance(pair.app.view, StudiesView)
        await pilot.press("question_mark")
        await until_shown(pilot, "studies.prompts", "tables and figures of the paper")
        await pilot.press("end")
        await until_shown(pilot, "A quarter each")
