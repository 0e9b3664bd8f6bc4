"""What the Neurons view exports, copies, finds, says and explains."""

from __future__ import annotations

import csv

from analysis.neurons.direction_tables import WORD_COLUMNS
from analysis.neurons.tables import COLUMNS, FREQUENCY_COLUMNS, SUMMARY_COLUMNS
from app.views.neurons.members import Cell
from app.views.neurons.page import UnitPage
from app.views.neurons.view import NeuronsView
from app.widgets.search_bar import SearchBar
from tests.app.components_screen import (
    NARROW,
    WIDE,
    sets_of,
    shown_components,
    shown_overlaps,
    tuned_map,
)
from tests.app.pair_app import pair_at, until, until_shown


async def test_a_search_leads_to_a_neuron_to_the_next_or_to_another_category(tmp_path):
    async with pair_at(shown_overlaps, tmp_path, size=NARROW) as (pair, pilot):
        await pilot.press("slash", *"3 17", "enter")
        await until_shown(pilot, "layer 3 · neuron 17", "tuned17")
        await pilot.press("escape", "slash", *"MATH", "enter")
        await until(pilot, lambda: tuned_map(pair).cursor == (4, 4))
        await pilot.press("slash", *"99 1", "enter")
        await until_shown(pilot, "There is no layer 99")
        # What was typed is there to be mended.
        view = pair.app.query_one(NeuronsView)
        bar = view.query_one("#search", SearchBar)
        await until(pilot, lambda: pair.app.focused is bar and bar.value == "99 1")
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.focused is tuned_map(pair))
        await pilot.press("home", "pageup")
        await pilot.press("slash", *"3 17", "enter")
        await until_shown(pilot, "layer 3 · neuron 17", "tuned17")
        await pilot.press("slash", *"4 5", "enter")
        await until_shown(pilot, "layer 4 · neuron 5", "tuned5")
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.focused is tuned_map(pair))
        await pilot.press("v", "j", "j", "enter")
        page = pair.app.query_one("#page", UnitPage)
        await until(pilot, lambda: page.cell == Cell("neurons", (0,), 1))
        await pilot.press("f", "slash", *"math", "enter")
        base, tuned = (each.members[1][4] for each in sets_of(pair).neurons)
        await until_shown(pilot, f"math · layer 1 · {int((base & tuned).sum())} kept neurons")


async def test_exports_are_the_commands_tables(tmp_path):
    async with pair_at(
        shown_components, tmp_path, size=NARROW, names=("base,[b]\x1b[0m/../", '"tuned"')
    ) as (_, pilot):
        await pilot.press("e")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == 1)
        await pilot.press("enter", "e")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == 4)
        await until(pilot, lambda: all(p.stat().st_size for p in tmp_path.glob("*.csv")))
    heads = []
    for path in sorted(tmp_path.glob("*.csv")):
        assert not set(path.name) & set('[]\x1b/,"')
        with path.open(encoding="utf-8", newline="") as stream:
            heads.append(tuple(next(csv.reader(stream))))
    assert sorted(heads) == sorted([COLUMNS, SUMMARY_COLUMNS, FREQUENCY_COLUMNS, WORD_COLUMNS])


async def test_copies_say_what_is_shown(tmp_path):
    async with pair_at(shown_components, tmp_path, size=NARROW) as (_, pilot):
        copied = tmp_path / "copied.txt"
        for key, words in (("", "Jaccard"), ("enter", "kept"), ("enter", "cos +0.400")):
            await pilot.press(*([key] if key else []), "y")
            await until(pilot, lambda words=words: copied.exists() and words in copied.read_text())


async def test_help_says_what_is_our_reading_with_the_formulas(tmp_path):
    async with pair_at(shown_components, tmp_path, size=WIDE) as (_, pilot):
        await pilot.press("question_mark")
        await until_shown(pilot, "Name the instructions", "Which feed-forward neurons")
        await pilot.press("end")
        await until_shown(pilot, "our reading", "p_ij(I) ≥ ε", "|A ∩ B| / |A ∪ B|")
        await pilot.resize_terminal(*NARROW)
        await pilot.press("end")
        await until_shown(pilot, "count from 0", "esc closes")
        await pilot.press("pageup", "pageup", "home")
        await until_shown(pilot, "Neurons of a cell")
