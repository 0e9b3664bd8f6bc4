"""From a row of a study to the clusters of a layer, or to the list of units that it counts."""

from __future__ import annotations

import json

import pytest

from analysis.clustering.request import ClustersRequest
from analysis.events import Finished
from analysis.methods import StudySpec
from app.views.clustering.view import ClustersView
from app.views.neurons.page import UnitPage
from app.widgets.scatter_map import ScatterMap
from tests.app.components_screen import CATEGORIES
from tests.app.pair_app import pair_at, until_shown
from tests.app.studies_screen import NARROW, WIDE, turned_to
from tests.support.scripted_clusters import task_clusters
from tests.support.scripted_session import answer


def script(request):
    if isinstance(request, ClustersRequest):
        yield Finished(task_clusters(request))
    else:
        yield from answer(request)


@pytest.fixture(autouse=True)
def _one_study(monkeypatch):
    spec = StudySpec("rows", "what rows show", "tests.support.scripted_studies:links", "pair")
    monkeypatch.setattr("app.views.studies.desk.studies", lambda: (spec,))


async def opened(pilot, page):
    await until_shown(pilot, "quit")
    await pilot.press("f5", "j", "enter")
    await until_shown(pilot, "Rows lead on.")
    await pilot.press("enter")
    await turned_to(pilot, page)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_row_leads_to_the_clusters_of_its_layer_and_escape_back(tmp_path, size):
    async with pair_at(opened, tmp_path, "Every layer", size=size, script=script) as (pair, pilot):
        await pilot.press("j", "enter")
        await until_shown(pilot, "demo-base · layer 1 ", "by distribution ")
        assert pair.app.focused is pair.app.query_one("#map-base", ScatterMap)
        await pilot.press("escape")
        await until_shown(pilot, "Every layer")
        assert pair.app.query_one("#rows").cursor == 1
        # The view is there now, its plot before the map where there is room for one.
        await pilot.press("f7", "p", "f5", "end", "enter")
        await until_shown(pilot, "demo-tuned · layer 3 of 3", "by task ")
        assert not pair.app.query_one(ClustersView).has_class("-plot")


async def test_a_row_leads_to_the_tasks_of_the_study_whatever_the_view_showed(tmp_path):
    lines = [
        {"name": name, "phrasings": ["Go."], "mappings": [["a", "b"], ["c", "d"]]}
        for name in ("first", "second")
    ]
    own = tmp_path / "own.jsonl"
    own.write_text("\n".join(map(json.dumps, lines)))
    async with pair_at(opened, tmp_path, "Every layer", size=WIDE, script=script) as (_, pilot):
        await pilot.press("f7")
        await until_shown(pilot, "Tasks: natural")
        await pilot.press("slash", *str(own), "enter")
        await until_shown(pilot, "Tasks: own.jsonl")
        await pilot.press("f5", "j", "enter")
        await until_shown(pilot, "demo-base · layer 1 ", "Tasks: natural")


async def test_a_row_leads_past_the_training_runs(tmp_path):
    async with pair_at(opened, tmp_path, "Every layer", size=WIDE, script=script) as (_, pilot):
        await pilot.press("f7", "t")
        await until_shown(pilot, "Training runs in")
        await pilot.press("f5", "j", "enter")
        await until_shown(pilot, "demo-base · layer 1 ")
        await pilot.press("escape")
        await until_shown(pilot, "Every layer")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_row_leads_to_the_units_of_its_cell_and_escape_back(tmp_path, size):
    async with pair_at(opened, tmp_path, "Every cell", size=size, script=script) as (pair, pilot):

        def cell():
            found = pair.app.query_one("#page", UnitPage).cell
            return found.categories, found.layer

        for row, expected in enumerate([((1,), 2), ((1,), None), ((0, 1), None)]):
            await pilot.press("home", *["j"] * row, "enter")
            await until_shown(pilot, "mean p, base→tuned")
            assert cell() == expected
            await pilot.press("escape")
            await until_shown(pilot, "Every cell")
            assert pair.app.query_one("#rows").cursor == row


async def test_the_units_are_those_of_the_study_whatever_the_view_showed(tmp_path):
    async with pair_at(opened, tmp_path, "Unique", size=WIDE, script=script) as (pair, pilot):
        await pilot.press("f6")
        await until_shown(pilot, f"all {len(CATEGORIES)} categories are there", "ε 0.50", "τ 0.75")
        await pilot.press("right_square_bracket")
        await until_shown(pilot, "ε 0.55")
        await pilot.press("p", *"natural", "enter")
        await until_shown(pilot, "natural", "categories are there")
        await pilot.press("f5", "enter")
        await until_shown(pilot, "mean p, base→tuned", "ε 0.50", "τ 0.75", "demo")
        page = pair.app.query_one("#page", UnitPage)
        assert (page.cell.categories, page.kind) == ((1,), "unique")
