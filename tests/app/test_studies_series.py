"""The Studies view on a training run: studies by step with curves, or of the last step alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from analysis.events import Finished
from analysis.methods import CHANGES_ALONG, study_of
from analysis.request import ModelChoice
from app.main import InsttuiApp
from app.views.studies.pane import StudyPane
from app.workspace import SeriesModel
from tests.app.pair_app import PairApp, copied, screen, until, until_shown
from tests.app.studies_screen import NARROW, WIDE
from tests.support.scripted_clusters import task_clusters
from tests.support.scripted_session import answer

STEPS = (100, 250, 500)
RUN = tuple(
    SeriesModel(step, ModelChoice(f"demo-steps/checkpoint-{step}", f"checkpoint-{step}"))
    for step in STEPS
)


def script(request):
    if type(request).__name__ == "ClustersRequest":
        # From the second step on it is a tuned model's.
        name = request.model.name
        trained = name.endswith(("-250", "-500"))
        like = structs.replace(request.model, name="tuned" if trained else name)
        found = task_clusters(structs.replace(request, model=like))
        yield Finished(structs.replace(found, model=name))
    else:
        yield from answer(request)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The app on a training run, with the studies of clusters and changes alone."""
    monkeypatch.setattr("app.views.studies.desk.studies", lambda: (study_of("clusters"),))

    def opened(stored=None):
        pair = PairApp(tmp_path, script=script, stored={} if stored is None else stored)
        series = replace(pair.workspace, tuned=RUN[-1].model, series=RUN, series_name="demo-steps")
        pair.app = InsttuiApp(series, pair.app.settings, state_path=tmp_path / "state.json")
        return pair

    return opened


async def shown(pilot):
    await until_shown(pilot, "quit")
    await pilot.press("f5", "j")
    return await until_shown(pilot, "along 3 steps: 100, 250, 500", "enter runs it")


async def finished(pilot):
    await shown(pilot)
    await pilot.press("enter")
    return await until_shown(pilot, "done", "From step 100 to step 500")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_study_goes_along_the_run_and_shows_curves_first(run, size):
    pair = run()
    async with pair.running(size) as pilot:
        text = await shown(pilot)
        assert "3 steps of a training run" in " ".join(text.split())
        await pilot.press("enter")
        await until_shown(pilot, "done", "From step 100 to step 500")
        await pilot.press("enter")
        text = await until_shown(pilot, "by step", "along 3 steps of training")
        assert "○ base" in text
        assert "● tuned" in text
        page = pilot.app.query_one(StudyPane).page
        assert page.table.columns[0] == "step"
        assert [row[0] for row in page.table] == [100, 100, 250, 250, 500, 500]


async def test_its_cost_is_that_of_all_steps_and_the_base_model_counts_once(run):
    async with run().running(WIDE) as pilot:
        text = " ".join((await until_cost(pilot, 4)).split())
        assert "It takes 4 answers" in text
        await pilot.press("a")
        await until_cost(pilot, 2)


async def until_cost(pilot, answers):
    if "Studies" not in screen(pilot.app) or "steps" not in screen(pilot.app):
        await shown(pilot)
    return await until_shown(pilot, f"It takes {answers} answers")


async def test_a_turns_to_the_last_step_alone_and_back(run):
    async with run().running(WIDE) as pilot:
        await shown(pilot)
        assert CHANGES_ALONG.title[:14] in screen(pilot.app)
        await pilot.press("a")
        text = await until_shown(pilot, "step 500 alone")
        assert CHANGES_ALONG.title[:14] not in text
        await pilot.press("enter")
        await until_shown(pilot, "done")
        await pilot.press("a")
        await until_shown(pilot, "along 3 steps", "enter runs it")


async def test_a_row_of_the_last_step_leads_on_and_of_another_says_how_to_see_it(run):
    async with run().running(WIDE) as pilot:
        await finished(pilot)
        await pilot.press("enter")
        await until_shown(pilot, "along 3 steps of training")
        await pilot.press("enter")
        await until_shown(pilot, "open the app with --tuned demo-steps/checkpoint-100")
        await pilot.press(*"jjjjj", "enter")
        await until(pilot, lambda: pilot.app.view.id == "clusters")


async def test_what_was_found_is_there_after_a_restart(run):
    stored = {}
    async with run(stored).running(WIDE) as pilot:
        await finished(pilot)
    async with run(stored).running(WIDE) as pilot:
        await until_shown(pilot, "quit")
        await pilot.press("f5", "j")
        await until_shown(pilot, "done", "From step 100 to step 500")


async def test_its_twin_is_the_command_on_the_run(run):
    async with run().running(WIDE) as pilot:
        await shown(pilot)
        said = await copied(pilot, "Y")
        assert said.split() == [
            "insttui", "study", "clusters", "--base", "demo-base", "--series", "demo-steps",
        ]  # fmt: skip
        await pilot.press("j")
        await until_shown(pilot, "How much tuning changed every matrix")
        assert (await copied(pilot, "Y")).startswith("insttui changes --summary --base demo-base")
