"""What the Neurons view asks, with which instructions; what fails, stops and goes on."""

from __future__ import annotations

from analysis.neurons.instructions import demo_instructions, natural_instructions
from analysis.neurons.request import FrequenciesRequest
from analysis.neurons.sets import EPSILON
from app.views.neurons.jobs import InstructionsBar
from app.widgets.number_map import NumberMap
from tests.app.components_screen import (
    ALL,
    CATEGORIES,
    KEY,
    NARROW,
    WIDE,
    shown_components,
)
from tests.app.pair_app import PairApp, pair_at, requests_of, screen, until, until_shown
from tests.support.scripted_session import answer


async def test_every_category_is_asked_of_both_models_once(tmp_path):
    async with pair_at(shown_components, tmp_path, size=WIDE) as (pair, pilot):
        await until_shown(pilot, "our reading", "(demo)")
        asked = requests_of(pair, FrequenciesRequest)
        assert [(each.category, each.model.name) for each in asked] == [
            (category, name) for category in CATEGORIES for name in ("demo-base", "demo-tuned")
        ]
        for each in asked:
            expected = [one.prompt for one in demo_instructions().of(each.category)]
            assert list(each.prompts) == expected
        await pilot.press("1", KEY)
        await pilot.pause(0.1)
        assert len(requests_of(pair, FrequenciesRequest)) == len(asked)


async def test_other_pairs_are_given_the_natural_instructions(tmp_path):
    async with pair_at(shown_components, tmp_path, names=("my-base", "my-tuned")) as (pair, pilot):
        await until_shown(pilot, "(natural)")
        (first, *_) = requests_of(pair, FrequenciesRequest)
        assert first.prompts[0] == natural_instructions().instructions[0].prompt


LINE = '{"id": "%s", "category": "%s", "instruction": "Do it.", "response": "Done."}'


async def test_instructions_of_the_users_own_take_the_place_of_the_shipped_ones(tmp_path):
    lines = LINE % (1, "cooking"), LINE % (2, "sailing")
    (tmp_path / "own.jsonl").write_text("\n".join(lines), encoding="utf-8")
    async with pair_at(shown_components, tmp_path, size=NARROW) as (pair, pilot):
        asked = len(requests_of(pair, FrequenciesRequest))
        await pilot.press("]", "p", *"own.jsonl", "enter")
        await until_shown(
            pilot, "all 2 categories are there", "(own.jsonl)", "cooking", f"ε {EPSILON + 0.05:.2f}"
        )
        new = requests_of(pair, FrequenciesRequest)[asked:]
        assert [(each.category, each.model.name, each.prompts) for each in new] == [
            (category, name, ("Do it.",))
            for category in ("cooking", "sailing")
            for name in ("demo-base", "demo-tuned")
        ]
        await pilot.press("p", *"natural", "enter")
        await until_shown(pilot, "all 6 categories are there", "(natural)")
        await pilot.press("p", "escape")
        await until(pilot, lambda: isinstance(pair.app.focused, NumberMap))


async def test_instructions_that_cannot_be_read_stay_in_the_bar_and_may_be_read_in_part(tmp_path):
    lines = LINE % (1, "cooking"), "{", LINE % (2, "cooking")
    (tmp_path / "own.jsonl").write_text("\n".join(lines), encoding="utf-8")
    async with pair_at(shown_components, tmp_path, size=WIDE) as (pair, pilot):
        bar = pair.app.query_one(InstructionsBar)
        await pilot.press("p", *"none.jsonl", "enter")
        await until_shown(pilot, "none.jsonl cannot be read")
        await until(pilot, lambda: pair.app.focused is bar and bar.value == "none.jsonl")
        await pilot.press("escape", "p", *["backspace"] * 20, *"own.jsonl", "enter")
        await until_shown(pilot, "remain")
        await until(pilot, lambda: pair.app.focused is bar)
        await until_shown(pilot, "(demo)")
        await pilot.press("enter")
        await until_shown(pilot, "left")
        await until_shown(pilot, "all 1 categories are there", "cooking")


async def test_the_first_category_is_shown_before_the_others_are_there(tmp_path):
    held = []

    def script(request):
        if isinstance(request, FrequenciesRequest) and request.category == "code":
            held.append(pair.session.gate.clear())
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=NARROW) as pilot:
        await until_shown(pilot, "Capital of a country")
        await pilot.press(KEY)
        await until_shown(pilot, "1 of 6 categories · code", "classification", "lost and gained")
        pair.session.gate.set()
        await until(pilot, lambda: bool(held))
        await until(pilot, lambda: pair.session.gate.set() or ALL in screen(pair.app))
