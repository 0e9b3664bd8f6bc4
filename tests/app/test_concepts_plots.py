"""The plots of the Concepts view and their numbers, and what descriptions add."""

from __future__ import annotations

import pytest

from analysis.concepts.changes import layer_words, mean_angle
from analysis.concepts.request import ConceptsRequest
from analysis.concepts.tables import Description
from app.config import Settings
from app.views.concepts.component_list import ConceptList
from app.views.concepts.view import ConceptsView
from app.widgets.plot import Plot
from tests.app.pair_app import hold_back, pair_at, screen, until, until_loaded, until_shown
from tests.app.test_concepts_view import (
    ALL_THERE,
    NARROW,
    WIDE,
    layer_of,
    shown_concepts,
)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_key_goes_through_the_plots_and_another_shows_the_numbers(tmp_path, size):
    async with pair_at(shown_concepts, tmp_path, size=size) as (pair, pilot):
        await pilot.press("p")
        shown = await until_shown(pilot, "explained variance in % by component, layer 0")
        assert any(0x2800 < ord(character) < 0x2900 for character in shown)
        await pilot.press("t")
        share = layer_of(pair, 0).tuned.explained_variance[1]
        await until_shown(pilot, "variance_base", "cumulative_tuned", f"{share:.4g}")
        await pilot.press("t", "p")
        await until_shown(pilot, "variance of the first components together")
        await pilot.press("p")
        await until_shown(pilot, "angle in degrees by layer")
        await pilot.press("t")
        await until_shown(pilot, "mean_subspace_angle", f"{mean_angle(layer_of(pair, 7)):.4g}")
        await pilot.press("p")
        gained = layer_words(layer_of(pair, 7)).gained
        await until_shown(pilot, "words_gained", f" {len(gained)} ")
        await pilot.press("t")
        await until_shown(pilot, "words of all components by layer", "gained", "lost")
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pair.app.focused, ConceptList))
        await pilot.press("p", "escape")
        await until(pilot, lambda: isinstance(pair.app.focused, ConceptList))
        await pilot.press("escape")
        await until_shown(pilot, "Capital of a country")


async def test_a_plot_follows_the_layer_and_is_empty_for_one_that_is_not_there(tmp_path):
    async with pair_at(until_loaded, tmp_path) as (pair, pilot):
        release = hold_back(pair, ConceptsRequest)
        await pilot.press("f4")
        await until_shown(pilot, "not computed yet")
        await pilot.press("p")
        await until_shown(pilot, "by component", "nothing to plot yet")
        release()
        await until_shown(pilot, "by component, layer 0", ALL_THERE)
        await pilot.press("right", "right")
        await until_shown(pilot, "by component, layer 2")


class Described:
    """Every fourth component has a description."""

    def find(self, model, layer, expert, component):
        if component % 4:
            return None
        level = "semantics" if component % 8 else "morphology"
        return Description(f"[b]thing[/b] {component} of {model}", ("math", "coding"), level)


async def test_descriptions_stand_beside_the_words_and_below(tmp_path):
    async with pair_at(shown_concepts, tmp_path, size=WIDE) as (pair, pilot):
        shown = screen(pair.app)
        assert "insttui concepts --annotate" in shown
        pair.app.query_one(ConceptsView).describe(Described())
        shown = await until_shown(pilot, "description", "[b]thing[/b] 20")
        assert "concepts --annotate" not in shown
        await until_shown(pilot, "not described")
        await pilot.press("end", "k")
        await until_shown(pilot, "tuned: [b]thing[/b] 0 of", "math, coding · morphology")
        await pilot.press("p", "p", "p", "p", "p")
        shown = await until_shown(pilot, "levels in % by layer, ○ demo-base")
        assert "phonology" in shown
        await pilot.press("p", "t")
        await until_shown(pilot, "percent", "demo-tuned")


async def test_plain_ascii_draws_plots_and_signs_in_ascii(tmp_path):
    async with pair_at(shown_concepts, tmp_path, settings=Settings(ascii=True)) as (pair, pilot):
        shown = screen(pair.app)
        assert "−" not in shown
        assert " - lost" in shown
        await pilot.press("p")
        await until_shown(pilot, "o o demo-base  x x demo-tuned")
        drawn = "".join(text for line in pair.app.query_one(Plot)._drawn for text, _ in line)
        assert drawn.isascii()
