"""The Studies view on a training run: every study runs at all its steps, and finds curves."""

from __future__ import annotations

from analysis.request import ModelChoice
from tests.app.pair_app import copied, pair_at, until_shown
from tests.app.studies_screen import WIDE, played, shown_studies, turned_to
from tests.support.scripted_session import answer

STEPS = ((10, ModelChoice("run-10", "run-10")), (20, ModelChoice("demo-tuned", "demo-tuned")))


async def test_a_study_runs_at_every_step_and_its_rows_lead_on_from_the_last(tmp_path, monkeypatch):
    for script in played(monkeypatch):
        given = {"script": answer, "series": STEPS}
        async with pair_at(shown_studies, tmp_path, size=WIDE, **given) as (_, pilot):
            await until_shown(pilot, "at 2 steps")
            await pilot.press("j")
            command = await copied(pilot, "Y")
            assert command.startswith("insttui study weights --base demo-base --series a/run")
            await pilot.press("enter")
            await until_shown(pilot, "done")
            assert [each.tuned.name for each in script.given] == ["run-10", "demo-tuned"]
            await pilot.press("enter")
            await until_shown(pilot, "along 2 steps of training", "Step 10: Heads changed.")
            await turned_to(pilot, "Every head")
            await pilot.press("enter")
            await until_shown(pilot, "The other views show step 20")
