"""The overview in the list of studies: a sentence a study, of what is kept; it begins nothing."""

from __future__ import annotations

import pytest

from analysis.studies.caveats import caveat_of
from app.views.studies.study_list import StudyList
from tests.app.pair_app import library_app, pair_at, screen, until, until_shown
from tests.app.studies_screen import NARROW, WIDE, finished, played
from tests.support.scripted_studies import SPECS


@pytest.fixture(autouse=True)
def play(monkeypatch):
    """The script of the studies, which are in place of the real ones."""
    yield from played(monkeypatch)


async def shown_overview(pilot):
    await until_shown(pilot, "quit")
    await pilot.press("f5")
    return await until_shown(pilot, "overview", "none found", "weights: not run.")


def words(pilot):
    return " ".join(" ".join(screen(pilot.app).replace("│", " ").split()).split())


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_it_comes_first_and_says_how_to_begin_and_begins_nothing(tmp_path, play, size):
    async with pair_at(shown_overview, tmp_path, size=size) as (pair, pilot):
        assert "What tuning changed, in a sentence a study" in screen(pair.app)
        assert "Enter on a study in the list runs it." in words(pilot)
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert play.given == []
        assert not any("study" in type(each).__module__ for each in pair.session.requests)
        await pilot.press("escape")
        await pilot.press("j", "enter")
        await until(pilot, lambda: bool(play.given))


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_it_has_the_finding_and_its_caveat_also_after_a_restart(tmp_path, size):
    stored = {}
    async with pair_at(finished, tmp_path, stored=stored, size=size) as (_, pilot):
        await pilot.press("k")
        await until_shown(pilot, "some found", "scores: Tuned scores are higher: p 0.01.")
    async with pair_at(shown_some, tmp_path, stored=stored, size=size) as (_, pilot):
        shown = words(pilot)
        assert caveat_of("scores").split(",")[0] in shown
        # Findings of one study, and the price of the other, which comes first: it is of weights.
        assert shown.index("weights: not run.") > 0
        await pilot.press("j", "j", "enter")
        await until_shown(pilot, "all found")
        await pilot.press("k", "k")
        await until_shown(pilot, "weights: Heads changed.", "Caveat: ")


async def shown_some(pilot):
    await until_shown(pilot, "quit")
    await pilot.press("f5")
    return await until_shown(pilot, "some found", "scores: Tuned scores are higher: p 0.01.")


async def test_a_study_that_runs_and_one_that_failed_are_told(tmp_path, play):
    async with pair_at(shown_overview, tmp_path, size=WIDE) as (_, pilot):
        play.gate.clear()
        await pilot.press("j", "enter")
        await until_shown(pilot, "running 0 of 12")
        await pilot.press("k")
        await until_shown(pilot, "scores: running 0 of 12", "s stop")
        play.fault = RuntimeError("broken")
        play.gate.set()
        await until_shown(pilot, "scores: it failed.")


async def test_its_report_has_every_study_that_is_done(tmp_path, monkeypatch):
    async with pair_at(finished, tmp_path, size=WIDE) as (_, pilot):
        monkeypatch.chdir(tmp_path)
        await pilot.press("k")
        await until_shown(pilot, "w report")
        await pilot.press("w")
        place = tmp_path / "report-demo-base-demo-tuned"
        await until(pilot, lambda: (place / "report.html").exists())
        text = (place / "report.md").read_text(encoding="utf-8")
        assert "[scores](#scores): Tuned scores are higher" in text
        assert "[weights](#weights): Left out: it was not run yet." in text
        assert "insttui study scores --base demo-base --tuned demo-tuned" in text
        assert (place / "scores" / "cases.csv").exists()


async def test_its_twin_is_the_command_that_makes_the_page(tmp_path):
    async with pair_at(shown_overview, tmp_path, size=WIDE) as (pair, pilot):
        (twin,) = pair.app.view.twins()
        assert twin == "insttui report --base demo-base --tuned demo-tuned --out report"
        assert pilot.app.query_one(StudyList).study is None


async def test_of_stored_maps_there_is_one_too(tmp_path):
    with library_app(tmp_path) as app:
        async with app.run_test(size=WIDE) as pilot:
            await until_shown(pilot, "quit")
            await pilot.press("f3")
            await until_shown(pilot, "overview", SPECS[0].name)
            assert app.view.twins() == ()
