"""The instructions on which a neuron is most active: asked of both models, listed, run."""

from __future__ import annotations

import csv

from analysis.activity.request import NeuronActivityRequest
from analysis.neurons.instructions import demo_instructions
from analysis.saliency.request import AttributionRequest
from app.frame.active_prompts import ActivePrompts
from tests.app.components_screen import NARROW, WIDE, mixture_script, shown_components
from tests.app.pair_app import pair_at, requests_of, screen, until, until_shown
from tests.support.scripted_components import activity

PROMPTS = tuple(each.prompt for each in demo_instructions().instructions)


async def open_neuron(pilot, *numbers):
    """Go to a neuron by its numbers."""
    keys = ["space" if key == " " else key for key in " ".join(map(str, numbers))]
    await pilot.press("slash", *keys, "enter")
    await until_shown(pilot, f"neuron {numbers[-1]}", f"tuned{numbers[-1]}")


async def test_a_lists_prompts_by_activity_and_enter_runs_one(tmp_path):
    async with pair_at(shown_components, tmp_path, size=WIDE) as (pair, pilot):
        await open_neuron(pilot, 3, 5)
        assert "active on" in screen(pair.app)
        await pilot.press("a")
        page = pair.app.query_one(ActivePrompts)
        await until_shown(pilot, f"{len(PROMPTS) - 1} of {len(PROMPTS)} prompts have a value")
        asked = requests_of(pair, NeuronActivityRequest)
        assert [(each.model.name, each.layer, each.expert, each.neuron) for each in asked] == [
            ("demo-base", 3, -1, 5),
            ("demo-tuned", 3, -1, 5),
        ]
        assert {each.prompts for each in asked} == {PROMPTS}
        sides = [{e.index: e.value for e in activity(each).top} for each in asked]
        best = sorted(sides[0], key=lambda n: -max(abs(side[n]) for side in sides))
        assert page.items.count == len(best) == len(PROMPTS) - 1
        line = "".join(text for text, _ in page.items._draw(0, 180)).split()
        values = [f"{'−' if v < 0 else '+'}{abs(v):.3g}" for v in (s[best[0]] for s in sides)]
        assert [line[1], line[3]] == values
        assert "active on" not in screen(pair.app)
        await pilot.press("e")
        await until(pilot, lambda: len(list(tmp_path.glob("neuron-prompts*.csv"))) == 1)
        with next(tmp_path.glob("neuron-prompts*.csv")).open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [float(each["value_tuned"]) for each in rows] == [sides[1][n] for n in best]
        assert [each["prompt"] for each in rows] == [PROMPTS[n] for n in best]
        (twin,) = pair.app.view.twins()
        assert twin.startswith(f"insttui active --layer 3 --neuron 5 --top {len(PROMPTS)} --base")
        before = len(requests_of(pair, AttributionRequest))
        await pilot.press("j", "enter")
        await until(pilot, lambda: len(requests_of(pair, AttributionRequest)) > before)
        assert requests_of(pair, AttributionRequest)[-1].prompt == PROMPTS[best[1]]
        await until(pilot, lambda: pair.app.view.id == "saliency")
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.view.id == "components")
        await until(pilot, lambda: pair.app.focused is page.items)
        assert page.items.cursor == 1
        await pilot.press("escape")
        await until_shown(pilot, "active on", "tuned5")
        await pilot.press("a")
        await until_shown(pilot, "prompts have a value")
        assert requests_of(pair, NeuronActivityRequest) == asked


async def test_of_an_expert_on_a_narrow_screen_stopped_and_begun_again(tmp_path):
    async with pair_at(shown_components, tmp_path, size=NARROW, script=mixture_script) as found:
        pair, pilot = found
        await open_neuron(pilot, 2, 1, 4)
        pair.session.gate.clear()
        await pilot.press("a")
        await until_shown(pilot, "esc stops")
        tasks = {each.name: each.state for each in pair.app.view.tasks()}
        assert tasks["prompts of layer 2, neuron 4"] in ("waiting", "running")
        await pilot.press("escape")
        await until_shown(pilot, "Stopped. r runs it again.", " r again")
        pair.session.gate.set()
        await pilot.press("r")
        await until_shown(pilot, "prompts have a value")
        assert {
            (each.layer, each.expert, each.neuron)
            for each in requests_of(pair, NeuronActivityRequest)
        } == {(2, 1, 4)}
        await pilot.press("escape")
        await until_shown(pilot, "layer 2 · expert 1 · neuron 4")
