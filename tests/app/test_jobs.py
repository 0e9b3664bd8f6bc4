"""What runs is named; what costs much says so and waits; every job can be stopped and gone to."""

from __future__ import annotations

import pytest

from analysis.heads.request import HeadPairsRequest
from analysis.models.request import LoadRequest
from app.jobs.prices import Prices
from tests.app.pair_app import (
    hold_back,
    pair_at,
    requests_of,
    shown_pair,
    started,
    until,
    until_loaded,
    until_shown,
)
from tests.support.scripted_session import answer
from tests.support.scripted_weights import LAYERS

WIDE = (160, 40)
# The views whose analyses read all weights, or many texts.
COSTLY = ("f3", "f4", "f6", "f7", "f8")


@pytest.fixture
def dear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything takes four minutes that is not stored."""
    monkeypatch.setattr(Prices, "of", lambda self, asks: 240.0 if list(asks) else 0.0)


@pytest.mark.usefixtures("dear")
async def test_flicking_through_the_views_starts_nothing_costly_and_each_says_its_price(tmp_path):
    async with pair_at(until_loaded, tmp_path, size=WIDE) as (pair, pilot):
        for key in COSTLY:
            await pilot.press(key)
            await until_shown(pilot, "This takes about 4 min", "Enter starts it")
        await until(pilot, lambda: pair.app.status.state == "idle")
        asked = {type(each).__name__ for each in pair.session.requests}
        assert asked == {"LoadRequest", "ArchitectureRequest"}
        await pilot.press("f3", "enter")
        await until_shown(pilot, f"all {LAYERS} layers are there")
        assert len(requests_of(pair, HeadPairsRequest)) == 2 * LAYERS
        await pilot.press("f4")
        await until_shown(pilot, "This takes about 4 min")


@pytest.mark.usefixtures("dear")
async def test_what_is_stored_is_shown_without_a_word(tmp_path, monkeypatch):
    async with pair_at(until_loaded, tmp_path, size=WIDE) as (pair, pilot):
        monkeypatch.setattr(pair.session, "cached", lambda request: request)
        await pilot.press("f3")
        await until_shown(pilot, f"all {LAYERS} layers are there")


async def test_the_header_names_what_runs_and_how_far_it_is(tmp_path):
    def slowly(request):
        return answer(request, pause_s=0.1)

    async with pair_at(until_loaded, tmp_path, size=WIDE, script=slowly) as (_, pilot):
        await pilot.press("enter")
        for stage in ("writing its response", "attributing"):
            await until_shown(pilot, f"Saliency: demo-tuned: {stage} · ", "ctrl-g jobs")
        await until_shown(pilot, "different answers", "engine ready")


async def test_all_jobs_are_listed_to_be_stopped_run_again_and_gone_to(tmp_path):
    async with pair_at(shown_pair, tmp_path, size=WIDE) as (pair, pilot):
        release = hold_back(pair, HeadPairsRequest)
        await pilot.press("f3")
        await until_shown(pilot, "0 of")
        await pilot.press("f5", "ctrl+g")
        shown = await until_shown(pilot, "Jobs", "s stops", "esc closes")
        assert "demo-tuned" in shown
        assert shown.count("done") >= 2
        # The one that has not ended comes first.
        await pilot.press("s")
        await until_shown(pilot, "stopped  Heads")
        release()
        await pilot.press("r")
        await until_shown(pilot, f"{LAYERS} of {LAYERS} layers")
        await pilot.press("end", "enter")
        await until(pilot, lambda: pair.app.view.id in ("saliency", "heads", "prompt"))


async def test_requests_of_the_view_in_front_go_first(tmp_path):
    async with pair_at(started, tmp_path, size=WIDE) as (pair, pilot):
        await until(pilot, lambda: len(requests_of(pair, LoadRequest)) == 2)
        view = pair.app.view
        behind = []
        for job in view.session._jobs:
            job.put_behind = behind.append
        await pilot.press("f2")
        await until(pilot, lambda: behind == [True] * len(view.session._jobs) != [])
        await pilot.press("1")
        await until(pilot, lambda: behind[-1:] == [False])
