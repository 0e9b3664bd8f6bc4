"""The neurons that write a word: asked of every layer, listed."""

from __future__ import annotations

import re

import pytest

from analysis.neurons.request import WordNeuronsRequest
from analysis.problems import problem
from app.views.neurons.word_page import FoundNeurons
from app.widgets.number_map import NumberMap
from app.widgets.search_bar import SearchBar
from tests.app.components_screen import (
    CATEGORIES,
    NARROW,
    WIDE,
    mixture_script,
    sets_of,
    shown_components,
)
from tests.app.pair_app import pair_at, requests_of, screen, until, until_shown
from tests.support.scripted_components import EXPERTS, LAYERS, NEURONS, word_neurons
from tests.support.scripted_session import answer

SEARCHED = f"all {LAYERS} layers are searched"


@pytest.mark.parametrize("script", [None, mixture_script], ids=["dense", "mixture"])
async def test_a_word_lists_the_neurons_that_write_it(tmp_path, script):
    async with pair_at(shown_components, tmp_path, size=WIDE, script=script) as (pair, pilot):
        await pilot.press("slash", *"moon", "enter")
        await until_shown(pilot, "neurons that write “moon”", SEARCHED)
        asked = requests_of(pair, WordNeuronsRequest)
        assert [(each.layer, each.model.name) for each in asked] == [
            (layer, name) for layer in range(LAYERS) for name in ("demo-base", "demo-tuned")
        ]
        cosines = [
            [word_neurons(each).cosines for each in asked if each.model.name == name]
            for name in ("demo-base", "demo-tuned")
        ]
        best = sorted(
            ((layer, place) for layer in range(LAYERS) for place in range(NEURONS)),
            key=lambda where: -max(abs(side[where[0]][where[1]]) for side in cosines),
        )
        page = pair.app.query_one(FoundNeurons)
        width = NEURONS // EXPERTS
        for layer, place in best[:3]:
            expert, neuron = (-1, place) if script is None else divmod(place, width)
            await until(pilot, lambda at=(layer, expert, neuron): page.place == at)
            sets = sets_of(pair, mixture=script is not None).neurons
            of = len(CATEGORIES)
            sides = [
                f"{'−' if side[layer][place] < 0 else '+'}{abs(side[layer][place]):.2f}"
                f"  {int(each.members[layer][:, place].sum())} of {of}"
                for side, each in zip(cosines, sets, strict=True)
            ]
            line = "".join(text for text, _ in page.items._draw(page.items.cursor, 100))
            numbers = [layer, *([] if expert < 0 else [expert]), neuron]
            assert line.split() == " ".join([*map(str, numbers), *sides]).split()
            await pilot.press("j")
        await pilot.press("e", "y")
        copied = tmp_path / "copied.txt"
        await until(pilot, lambda: copied.exists() and copied.read_text().startswith("word\tlayer"))
        await until(pilot, lambda: len(list(tmp_path.glob("components-word*.csv"))) == 1)
        await pilot.press("enter")
        layer, expert, neuron = page.place
        await until_shown(pilot, f"layer {layer}", f"tuned{neuron}")
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.focused is page.items)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pair.app.focused, NumberMap))


def hold_layer(pair, layer):
    """The first time that a word is sought in this layer, nothing is answered any more."""
    session, script, held = pair.session, pair.session._script, []

    def holding(request):
        if isinstance(request, WordNeuronsRequest) and request.layer == layer and not held:
            held.append(session.gate.clear())
        yield from script(request)

    session._script = holding


async def test_escape_stops_a_search_and_r_goes_on_where_it_was(tmp_path):
    async with pair_at(shown_components, tmp_path, size=NARROW) as (pair, pilot):
        hold_layer(pair, 2)
        await pilot.press("slash", *"moon", "enter")
        await until_shown(pilot, f"2 of {LAYERS} layers · layer 2", "esc stops")
        page = pair.app.query_one(FoundNeurons)
        await pilot.press("escape")
        await until_shown(pilot, f"Stopped with 2 of {LAYERS} layers. r goes on.", " r again")
        assert page.items.count == 2 * NEURONS
        asked = len(requests_of(pair, WordNeuronsRequest))
        pair.session.gate.set()
        await pilot.press("r")
        await until_shown(pilot, SEARCHED)
        assert page.items.count == LAYERS * NEURONS
        again = requests_of(pair, WordNeuronsRequest)[asked:]
        assert [each.layer for each in again] == [n for n in range(2, LAYERS) for _ in "ab"]
        assert " r again" not in screen(pair.app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pair.app.focused, NumberMap))


async def test_a_failed_search_runs_again_and_a_word_that_is_none_is_mended(tmp_path):
    broken = [True]

    def script(request):
        if isinstance(request, WordNeuronsRequest) and request.layer == 3 and broken[0]:
            raise problem("engine", "The engine ended.")
        if isinstance(request, WordNeuronsRequest) and request.word == "zxqv":
            raise problem("input", "“zxqv” is none of the 40 words.", remedy="Choose another one.")
        yield from answer(request)

    async with pair_at(shown_components, tmp_path, size=NARROW, script=script) as (pair, pilot):
        await pilot.press("slash", *"loop", "enter")
        await until_shown(pilot, "The engine ended. r runs it again.", " r again")
        broken[0] = False
        await pilot.press("r")
        await until_shown(pilot, SEARCHED)
        await pilot.press("escape")
        await pilot.press("slash", *"zxqv", "enter")
        shown = await until_shown(
            pilot, "“zxqv” is none of the 40 words. Choose another one.", "none so far"
        )
        assert " r again" not in shown
        await pilot.press("slash")
        bar = pair.app.query_one("#search", SearchBar)
        await until(pilot, lambda: pair.app.focused is bar and bar.value == "zxqv")
        await pilot.press(*["backspace"] * 4, *"moon", "enter")
        await until_shown(pilot, "neurons that write “moon”", SEARCHED)
        assert pair.app.query_one(FoundNeurons).items.count == LAYERS * NEURONS
        await pilot.press("slash")
        await until(pilot, lambda: pair.app.focused is bar and not bar.value)


async def test_a_search_that_nothing_leads_back_to_is_stopped(tmp_path):
    async with pair_at(shown_components, tmp_path, size=NARROW) as (pair, pilot):
        hold_layer(pair, 0)
        await pilot.press("slash", *"moon", "enter")
        await until_shown(pilot, "esc stops")
        await pilot.press("slash", *"math", "enter")
        await until(pilot, lambda: isinstance(pair.app.focused, NumberMap))
        asked = len(requests_of(pair, WordNeuronsRequest))
        pair.session.gate.set()
        # Answered after all that was asked before.
        await pilot.press("slash", *"3 17", "enter")
        await until_shown(pilot, "layer 3 · neuron 17", "tuned17")
        assert len(requests_of(pair, WordNeuronsRequest)) == asked


async def test_the_cursor_stays_on_its_neuron_while_others_are_found(tmp_path):
    async with pair_at(shown_components, tmp_path, size=NARROW) as (pair, pilot):
        hold_layer(pair, 1)
        await pilot.press("slash", *"moon", "enter")
        await until_shown(pilot, f"1 of {LAYERS} layers")
        page = pair.app.query_one(FoundNeurons)
        await pilot.press("j", "j")
        await until(pilot, lambda: page.items.cursor == 2)
        place = page.place
        pair.session.gate.set()
        await until_shown(pilot, SEARCHED)
        assert page.place == place
        assert page.items.cursor > 2


async def test_no_number_is_cut_where_there_is_little_room(tmp_path):
    async with pair_at(shown_components, tmp_path, size=(60, 20), script=mixture_script) as (
        _,
        pilot,
    ):
        await pilot.press("slash", *"moon", "enter")
        shown = await until_shown(pilot, SEARCHED)
        # Columns are in sight as wholes, or not at all.
        side = r"[+−]\d\.\d\d +(?:\d of 6|general)"
        listed = re.findall(r"│ +\d+ +\d+ +\d+ +([+−].*?) *[│▁-█]", shown)
        assert len(listed) >= 5
        for line in listed:
            assert re.fullmatch(rf"{side}(?: +[+−]\d\.\d\d| +{side})?", line), line
        assert "base cos" in shown
