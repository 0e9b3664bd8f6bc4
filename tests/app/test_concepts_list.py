"""What stands in the list of components, above it and below it."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import pytest

from analysis.concepts.changes import component_changes, component_words, mean_angle
from analysis.concepts.request import ConceptsRequest
from analysis.events import Finished
from analysis.models.request import ArchitectureRequest
from app.views.concepts.component_list import ConceptList
from tests.app.pair_app import pair_at, screen, until, until_shown
from tests.app.test_concepts_view import (
    NARROW,
    WIDE,
    layer_of,
    shown_concepts,
)
from tests.support.scripted_concepts import NOTE, RANK, layer_concepts
from tests.support.scripted_session import answer
from tests.support.scripted_weights import LAYERS, architecture


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_row_has_components_that_match_and_the_line_above_the_layer(tmp_path, size):
    async with pair_at(shown_concepts, tmp_path, size=size) as (pair, pilot):
        shown = screen(pair.app)
        # Without an endpoint for descriptions it says how to add one.
        assert "insttui concepts --annotate" in " ".join(shown.split())
        layer = layer_of(pair, 0)
        # The scripted angles rise from component to component: the last one turned most.
        items = pair.app.query_one(ConceptList)
        assert items.shown == list(range(RANK))[::-1]
        change = list(component_changes(layer))[RANK - 1]
        numbers = [f"{layer.angles[-1]:.1f}°", str(RANK - 1), str(layer.matched[-1])]
        assert re.search(r" +".join(map(re.escape, numbers)), shown)
        share = f"{100 * layer.base.explained_variance[-1]:.2f}"
        assert ("var %" in items.names) == (size == WIDE)
        assert re.search(rf"{numbers[2]} +{share} ", shown) or size == NARROW
        assert f" {change.gained[0]}" in shown
        assert f" {change.lost[0]}" in shown
        angles = {number: mean_angle(layer_of(pair, number)) for number in range(LAYERS)}
        most = max(angles, key=angles.get)
        assert f"Tuning turned layer {most} most: its components by {angles[most]:.1f}°" in shown
        await pilot.press("right", "right")
        layer = layer_of(pair, 2)
        base, tuned = (
            f"{100 * side.explained_variance.sum():.0f}" for side in (layer.base, layer.tuned)
        )
        shown = await until_shown(pilot, "layer 2", f"{base}→{tuned} %", f"{RANK} components")
        assert f"subspaces turned by {layer.subspace_angles.mean():.1f}°" in shown
        assert (f"components by {mean_angle(layer):.1f}°" in shown) == (size == WIDE)
        assert (NOTE in shown) == (size == WIDE)


async def test_where_components_span_the_whole_space_no_subspace_is_said_to_turn(tmp_path):
    def script(request):
        if isinstance(request, ArchitectureRequest):
            yield Finished(msgspec.structs.replace(architecture(request), width=RANK))
            return
        yield from answer(request)

    async with pair_at(shown_concepts, tmp_path, size=WIDE, script=script) as (pair, _):
        shown = screen(pair.app)
        assert "together they span the whole space" in shown
        assert "subspaces turned" not in shown


async def test_the_words_gained_and_lost_by_the_row_under_the_cursor_stand_below(tmp_path):
    async with pair_at(shown_concepts, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("j", "j", "j")
        layer = layer_of(pair, 0)
        change = list(component_changes(layer))[RANK - 4]
        assert change.gained
        counts = [f"{name} {len(getattr(change, name))} " for name in ("gained", "lost")]
        shown = await until_shown(pilot, f"base {RANK - 4} ", *counts)
        for side, component, signs in (
            (layer.base, RANK - 4, {True: "−", False: "="}),
            (layer.tuned, change.matched, {True: "+", False: "="}),
        ):
            changed = {*change.gained, *change.lost}
            measures = side.measures[component]
            for word, measure in zip(component_words(side, component), measures, strict=True):
                line = (
                    rf"{re.escape(signs[word in changed])} {word} +{re.escape(f'{measure:+.2f}')}"
                )
                assert re.search(line, shown), line
        await pilot.press("end")
        await until_shown(pilot, "base 0 ")


async def test_below_the_list_each_group_of_words_has_a_line_and_its_sign(tmp_path):
    async with pair_at(shown_concepts, tmp_path, size=NARROW) as (pair, _):
        change = list(component_changes(layer_of(pair, 0)))[-1]
        shown = screen(pair.app)
        for sign, name in (("+", "gained"), ("−", "lost")):
            words = getattr(change, name)
            assert f"{sign} {name} {len(words)}: {' '.join(words)}" in shown


async def test_a_component_without_a_match_is_said_to_have_none(tmp_path):
    def script(request):
        if isinstance(request, ConceptsRequest):
            whole = layer_concepts(request, rank=4)
            matched = np.array([0, 1, 2, -1], np.int32)
            angles = np.array([1.0, 2.0, 3.0, np.nan])
            yield Finished(msgspec.structs.replace(whole, matched=matched, angles=angles))
            return
        yield from answer(request)

    async with pair_at(shown_concepts, tmp_path, script=script) as (pair, pilot):
        shown = screen(pair.app)
        assert shown.count(" none ") == 2
        assert pair.app.query_one(ConceptList).count == 5
        await pilot.press("end")
        await until_shown(pilot, "base has no match", "tuned 3 ")
        await pilot.press("up")
        await until_shown(pilot, "tuned has no match", "base 3 ")


async def test_only_rows_in_sight_are_made(tmp_path, monkeypatch):
    def script(request):
        if isinstance(request, ConceptsRequest):
            yield Finished(layer_concepts(request, rank=300))
            return
        yield from answer(request)

    async with pair_at(shown_concepts, tmp_path, script=script) as (pair, pilot):
        items = pair.app.query_one(ConceptList)
        drawn = []
        draw = items._draw
        monkeypatch.setattr(
            items, "_draw", lambda index, width: drawn.append(index) or draw(index, width)
        )
        await pilot.press("end")
        await until_shown(pilot, "base 0 ")
        assert 0 < len(set(drawn)) <= 2 * items.size.height


async def test_words_filter_the_list_as_they_are_typed_and_down_goes_to_what_is_left(tmp_path):
    async with pair_at(shown_concepts, tmp_path, size=WIDE) as (pair, pilot):
        items = pair.app.query_one(ConceptList)
        total, word = items.count, component_words(layer_of(pair, 0).base, 0)[0]
        await pilot.press("slash", *word)
        await until_shown(pilot, f"{items.count} of {total} ", "enter searches all layers")
        assert 0 < items.count < total
        await pilot.press("down")
        await until(pilot, lambda: pair.app.focused is items)
        await until_shown(pilot, f"/{word}", f"{items.count} of {total} / changes it")
        assert not items.check_action("columns", (1,))
        await pilot.press("o", "escape")
        await until(pilot, lambda: items.count == total)
        assert pair.app.view.id == "concepts"
