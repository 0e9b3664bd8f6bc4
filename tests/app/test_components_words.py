"""The neurons that write a word: asked of every layer, listed."""

from __future__ import annotations

import pytest

from analysis.requests import WordNeuronsRequest
from app.views.components.word_page import ComponentWordPage
from app.widgets.number_map import NumberMap
from tests.app.components_screen import (
    ALL,
    CATEGORIES,
    WIDE,
    mixture_script,
    requests_of,
    sets_of,
    shown_components,
)
from tests.app.pair_app import PairApp, until, until_shown
from tests.support.scripted_components import EXPERTS, LAYERS, NEURONS, word_neurons


@pytest.fixture(autouse=True)
def _exports_go_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("script", [None, mixture_script], ids=["dense", "mixture"])
async def test_a_word_lists_the_neurons_that_write_it(tmp_path, script):
    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=WIDE) as pilot:
        await shown_components(pilot)
        await pilot.press("slash", *"moon", "enter")
        await until_shown(pilot, "neurons that write “moon”", ALL)
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
        page = pair.app.query_one(ComponentWordPage)
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
            assert (
                line.split()
                == " ".join(
                    [str(layer), *([] if expert < 0 else [str(expert)]), str(neuron), *sides]
                ).split()
            )
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
