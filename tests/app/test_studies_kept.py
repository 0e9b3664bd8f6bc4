"""The Studies view after a restart: what was found is there, and what is left to do has a price."""

from __future__ import annotations

import json

import pytest

from analysis.request import Request
from analysis.studies.outlook import Outlook
from app.jobs.prices import Prices
from tests.app.pair_app import pair_at, screen, until, until_shown
from tests.app.studies_screen import NARROW, WIDE, finished, played, shown_studies
from tests.support.scripted_studies import SPECS


@pytest.fixture(autouse=True)
def play(monkeypatch):
    """The script of the studies, which are in place of the real ones."""
    yield from played(monkeypatch)


async def shown_done(pilot):
    await until_shown(pilot, "quit")
    await pilot.press("f5", "j")
    return await until_shown(pilot, " done ", "not run", "Tuned scores are higher: p 0.01.")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_finished_study_is_finished_after_a_restart_and_leads_where_it_did(tmp_path, size):
    stored: dict[Request, object] = {}
    async with pair_at(finished, tmp_path, stored=stored, size=size) as (_, pilot):
        await pilot.press("q")
    async with pair_at(shown_done, tmp_path, stored=stored, size=size) as (pair, pilot):
        # Nothing was asked of a model for it.
        assert not any("study" in type(each).__module__ for each in pair.session.requests)
        assert "r again" in screen(pair.app).splitlines()[-1]
        await pilot.press("enter", "j", "enter")
        await until_shown(pilot, "instruction score")
        await pilot.press("escape")
        await until_shown(pilot, "1 of 7")


async def test_prompts_that_were_named_are_those_of_the_next_time(tmp_path, play):
    lines = [{"prompt": f"Say {number}.", "id": f"p{number}"} for number in range(3)]
    file = tmp_path / "prompts.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    async with pair_at(shown_studies, tmp_path) as (_, pilot):
        await pilot.press("p", *"prompts.jsonl", "enter")
        await until_shown(pilot, "3 prompts of prompts.jsonl")
        await pilot.press("q")
    async with pair_at(shown_studies, tmp_path) as (pair, pilot):
        await until_shown(pilot, "3 prompts of prompts.jsonl")
        await pilot.press("enter")
        await until(pilot, lambda: bool(play.given))
        assert [each.id for each in play.given[0].prompts.prompts] == ["p0", "p1", "p2"]
        assert f"--prompts {file}" in pair.app.view.twins()[0]
        await pilot.press("q")
    file.unlink()
    async with pair_at(shown_studies, tmp_path, size=WIDE) as (_, pilot):
        await until_shown(pilot, "prompts.jsonl", "cannot be read", "the demo's held-out prompts")


def ahead(given):
    """Two of five answers are there."""
    return Outlook(5, 2, ("request",) * 3)


@pytest.mark.parametrize("measured", [False, True])
async def test_the_cost_is_said_before_enter_and_whether_it_was_measured(
    tmp_path, monkeypatch, measured
):
    priced = SPECS[0]._replace(outlook="tests.app.test_studies_kept:ahead")
    monkeypatch.setattr("app.views.studies.desk.studies", lambda: (priced, SPECS[1]))
    monkeypatch.setattr(Prices, "of_requests", lambda self, requests: 60.0 * len(requests))
    monkeypatch.setattr(Prices, "measured", lambda self, requests: measured)
    async with pair_at(shown_studies, tmp_path) as (pair, pilot):
        await until_shown(pilot, "2 of 5 answers kept · about 3 min", "of which 2 are kept")
        shown = " ".join(screen(pair.app).split())
        assert "The others take about 3 min, " in shown
        assert ("measured on this machine yet" in shown) is not measured
        assert ("as measured on this machine." in shown) is measured
        assert "enter goes on" in shown
