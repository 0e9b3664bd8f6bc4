"""The neurons of a cell as a list, and what one of them writes."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.concepts.request import ConceptsRequest
from analysis.neurons.request import NeuronDirectionRequest
from analysis.neurons.sets import EPSILON, EXPERT_EPSILON
from app.views.concepts.page import ConceptPage
from app.views.neurons.members import Cell
from app.views.neurons.page import UnitPage
from tests.app.components_screen import (
    CATEGORIES,
    KEY,
    NARROW,
    WIDE,
    mixture_script,
    sets_of,
    shown_overlaps,
    tuned_map,
)
from tests.app.pair_app import pair_at, requests_of, until, until_shown
from tests.support.scripted_components import LAYERS


async def test_enter_lists_a_cells_neurons_and_then_what_one_writes(tmp_path):
    async with pair_at(shown_overlaps, tmp_path, size=NARROW) as (pair, pilot):
        await pilot.press("v", "j", "enter")
        base, tuned = (each.members[0][0] for each in sets_of(pair).neurons)
        await until_shown(pilot, f"layer 0 · {int((base | tuned).sum())} neurons")
        page = pair.app.query_one("#page", UnitPage)
        member = page.member
        in_sets = f"in {member.sets[0]}→{member.sets[1]} of 6 sets"
        await until_shown(pilot, f"layer 0 · neuron {member.neuron} · {in_sets}")
        await pilot.press("enter")
        shown = await until_shown(pilot, f"tuned{member.neuron}", "component   0 · cos +0.40")
        assert "61 % of w lies in 300 components" in shown
        asked = requests_of(pair, NeuronDirectionRequest)
        assert [(each.model.name, each.layer, each.neuron, each.expert) for each in asked] == [
            ("demo-base", 0, member.neuron, -1),
            ("demo-tuned", 0, member.neuron, -1),
        ]
        await pilot.press("escape", "j", "k", "enter")
        await until_shown(pilot, f"tuned{member.neuron}")
        assert len(requests_of(pair, NeuronDirectionRequest)) == 2
        await pilot.press("escape", "escape")
        await until(pilot, lambda: pair.app.focused is tuned_map(pair))
        await pilot.press("escape")
        await until_shown(pilot, "Capital of a country")


async def test_in_a_mixture_enter_leads_to_a_component_of_the_expert(tmp_path):
    async with pair_at(shown_overlaps, tmp_path, size=NARROW, script=mixture_script) as (
        pair,
        pilot,
    ):
        await pilot.press("slash", *"5 2 3", "enter")
        await until_shown(pilot, "layer 5 · expert 2 · neuron 3", "component   5 · cos +0.40")
        await pilot.press("enter")
        await until_shown(pilot, "4 Concepts", "layer 5 · expert 2")
        page = pair.app.query_one(ConceptPage)
        await until(pilot, lambda: page.items.row is not None and page.items.row.base == 5)
        asked = requests_of(pair, ConceptsRequest)
        assert (5, 2) in [(each.layer, each.expert) for each in asked]


async def test_a_list_is_filtered_by_what_tuning_did_and_by_its_own_set(tmp_path):
    async with pair_at(shown_overlaps, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("v", "enter")
        base, tuned = sets_of(pair).neurons
        both = [np.concatenate([each[0] for each in side.members]) for side in (base, tuned)]
        expected = {
            "kept": both[0] & both[1],
            "lost": both[0] & ~both[1],
            "gained": both[1] & ~both[0],
        }
        for status, members in expected.items():
            await pilot.press("f")
            await until_shown(pilot, f"{int(members.sum())} {status} neurons")
        await pilot.press("f")
        await until_shown(pilot, "general neurons")
        await pilot.press("f")
        await until_shown(pilot, "unique neurons")
        await pilot.press("escape")
        elsewhere = [
            (layer, category, int(place))
            for layer in range(LAYERS)
            for category in range(len(CATEGORIES))
            for place in np.flatnonzero(base.members[layer][category])
            if not tuned.members[layer][category, place]
            and tuned.members[layer][:, place].sum() == 1
        ]
        layer, category, place = elsewhere[0]
        await pilot.press(*["j"] * (layer + 1), *["l"] * category, "enter", "f", "f")
        page = pair.app.query_one("#page", UnitPage)
        await until(pilot, lambda: page.kind == "lost" and page.member is not None)
        while page.member.place != place:
            await pilot.press("j")
            await pilot.pause()
        line = "".join(text for text, _ in page.items._draw(page.items.cursor, 100))
        assert line.endswith(f"1 of {len(CATEGORIES)}" + " " * (len(line) - len(line.rstrip())))


async def test_in_a_mixture_experts_come_first_and_their_neurons_behind_them(tmp_path):
    words = f"experts · ε_e {EXPERT_EPSILON:.2f}", "our reading"
    given = {"size": NARROW, "script": mixture_script}
    async with pair_at(shown_overlaps, tmp_path, *words, **given) as (pair, pilot):
        await pilot.press("[", "[")
        await until_shown(pilot, f"ε_e {EXPERT_EPSILON - 0.02:.2f}")
        await pilot.press("v", "enter")
        page = pair.app.query_one("#page", UnitPage)
        await until(pilot, lambda: page.member is not None)
        expert = page.member
        await pilot.press("enter")
        await until_shown(
            pilot, f"layer {expert.layer} · expert {expert.expert} ·", f"ε {EPSILON:.2f}"
        )
        await pilot.press("[", "[", "[")
        await until_shown(pilot, f"ε {EPSILON - 0.15:.2f}")
        await until(pilot, lambda: page.member is not None)
        neuron = page.member
        assert neuron.expert == expert.expert
        await pilot.press("enter")
        await until_shown(pilot, f"tuned{neuron.neuron}")
        asked = requests_of(pair, NeuronDirectionRequest)[-1]
        assert (asked.layer, asked.expert, asked.neuron) == neuron[:3]
        await pilot.press("escape", "escape")
        await until_shown(pilot, f"experts · ε_e {EXPERT_EPSILON - 0.02:.2f}")
        assert page.member.expert == expert.expert
        await pilot.press("slash", *f"{expert.layer} {expert.expert}", "enter")
        await until_shown(pilot, f"layer {expert.layer} · expert {expert.expert} ·")
        assert page.cell == Cell("neurons", (0,), expert.layer, expert.expert)
        await pilot.press("escape", "u")
        await until_shown(pilot, f"neurons · ε {EPSILON - 0.15:.2f}")


async def test_a_list_shows_all_of_its_cell_and_a_neuron_leads_to_its_component(tmp_path):
    async with pair_at(shown_overlaps, tmp_path, size=NARROW) as (pair, pilot):
        await pilot.press("enter", "f")
        await until_shown(pilot, " kept neurons")
        await pilot.press("escape", "enter")
        base, tuned = sets_of(pair).neurons
        joined = sum(
            int((a[0] | b[0]).sum()) for a, b in zip(base.members, tuned.members, strict=True)
        )
        await until_shown(pilot, f"classification · {joined} neurons")
        await pilot.press("escape")
        await pilot.press("slash", *"5 9", "enter")
        await until_shown(pilot, "tuned9", "component   5 · cos +0.40")
        await pilot.press("enter")
        await until_shown(pilot, "4 Concepts", "layer 5", "all 8 layers are there")
        page = pair.app.query_one(ConceptPage)
        await until(pilot, lambda: page.items.row is not None and page.items.row.base == 5)
        await pilot.press(KEY)
        await until_shown(pilot, "layer 5 · neuron 9", "tuned9")


@pytest.mark.parametrize("script", [None, mixture_script], ids=["dense", "mixture"])
async def test_the_columns_that_a_list_is_sorted_by_are_the_cells_of_its_rows(tmp_path, script):
    async with pair_at(shown_overlaps, tmp_path, size=WIDE, script=script) as (pair, pilot):
        # Experts first, then the neurons of one of them.
        into_expert = ["enter", "[", "[", "[", "["] if script else []
        await pilot.press("[", "[", "v", "enter", *into_expert)
        page = pair.app.query_one("#page", UnitPage)
        await until(pilot, lambda: page.member is not None and page.member.neuron >= 0)
        table = page.items._rows
        rows = [table.rows.row(index) for index in range(table.rows.count)]
        assert rows
        for number, column in enumerate(table.columns):
            cells = table.rows.column(number)
            assert cells == [row[number] for row in rows], column.name
