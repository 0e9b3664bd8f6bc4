"""The instructions in which a head attends between the words of a pair: asked, listed, run."""

from __future__ import annotations

import csv

from analysis.activity.request import HeadActivityRequest
from analysis.neurons.instructions import demo_instructions
from analysis.saliency.request import AttributionRequest
from app.frame.active_prompts import ActivePrompts
from app.views.heads.page import HeadPage
from tests.app.pair_app import pair_at, requests_of, screen, until, until_shown
from tests.app.test_heads_view import NARROW, TO_THE_FIRST, WIDE, shown_heads
from tests.support.scripted_components import activity
from tests.support.scripted_weights import LAYERS

PROMPTS = tuple(each.prompt for each in demo_instructions().instructions)


async def test_a_lists_the_prompts_of_the_pair_under_the_cursor(tmp_path):
    async with pair_at(shown_heads, tmp_path, size=WIDE) as (pair, pilot):
        assert "active on" not in screen(pair.app)
        await pilot.press("m", *TO_THE_FIRST, "j", "l", "enter", "j")
        await until_shown(pilot, "active on")
        change = pair.app.query_one(HeadPage).pair
        await pilot.press("a")
        await until_shown(pilot, f"{len(PROMPTS) - 1} of {len(PROMPTS)} prompts have a value")
        await until_shown(pilot, f"layer 1 · head 1 to {change.word_a}={change.word_b}")
        asked = requests_of(pair, HeadActivityRequest)
        words = change.word_a, change.word_b
        assert [(each.model.name, each.layer, each.head, each.pair) for each in asked] == [
            ("demo-base", 1, 1, words),
            ("demo-tuned", 1, 1, words),
        ]
        sides = [{each.index: each.value for each in activity(one).top} for one in asked]
        best = sorted(sides[0], key=lambda n: -max(side[n] for side in sides))
        page = pair.app.query_one("HeadsView ActivePrompts", ActivePrompts)
        line = "".join(text for text, _ in page.items._draw(0, 140))
        first, second = PROMPTS[best[0]].split()[:2]
        for value in (f"{side[best[0]]:.3f}" for side in sides):
            assert value in line
        assert f"{first} → {second}"[:10] in line
        await pilot.press("e", "y")
        await until(pilot, lambda: len(list(tmp_path.glob("head-prompts*.csv"))) == 1)
        with next(tmp_path.glob("head-prompts*.csv")).open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [each["prompt"] for each in rows] == [PROMPTS[n] for n in best]
        assert rows[0]["attended_tuned"] == second
        (twin,) = pair.app.view.twins()
        assert twin.startswith(f"insttui active --layer 1 --head 1 --pair {'='.join(words)} --top")
        await pilot.press("enter")
        await until(pilot, lambda: pair.app.view.id == "saliency")
        await until(
            pilot, lambda: requests_of(pair, AttributionRequest)[-1].prompt == PROMPTS[best[0]]
        )
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.focused is page.items)
        await pilot.press("escape")
        await until_shown(pilot, "active on")


async def test_on_a_narrow_screen_stopped_and_begun_again(tmp_path):
    async with pair_at(shown_heads, tmp_path, size=NARROW) as (pair, pilot):
        await pilot.press("m", *TO_THE_FIRST, "enter")
        await until_shown(pilot, "kept")
        pair.session.gate.clear()
        await pilot.press("a")
        await until_shown(pilot, "esc stops")
        await pilot.press("escape")
        await until_shown(pilot, "Stopped. r runs it again.", " r again")
        pair.session.gate.set()
        await pilot.press("r")
        await until_shown(pilot, "prompts have a value")
        await pilot.press("escape", "escape")
        await until_shown(pilot, f"all {LAYERS} layers are there")
