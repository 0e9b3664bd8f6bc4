"""What stands in the list of components, above it and below it."""

from __future__ import annotations

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
    line_with,
    shown_concepts,
)
from tests.support.scripted_concepts import NOTE, RANK, layer_concepts
from tests.support.scripted_session import answer
from tests.support.scripted_weights import architecture


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_row_has_components_that_match_and_the_line_above_the_layer(tmp_path, size):
    async with pair_at(shown_concepts, tmp_path, size=size) as (pair, pilot):
        shown = screen(pair.app)
        # Without an endpoint for descriptions it says how to add one.
        assert "OPENAI_API_KEY or OPENAI_BASE_URL" in shown or size == WIDE
        assert "insttui concepts --annotate" in " ".join(shown.split())
        layer = layer_of(pair, 0)
        row = line_with(shown, "4").split()
        matched = int(layer.matched[4])
        assert matched == 5
        assert row[1] == f"{100 * layer.base.explained_variance[4]:.2f}"
        place = row.index(f"{layer.angles[4]:.1f}°")
        assert row[place + 1 : place + 3] == [
            "5",
            f"{100 * layer.tuned.explained_variance[5]:.2f}",
        ]
        for words, side, component in (
            (row[2:4], layer.base, 4),
            (row[place + 3 :], layer.tuned, 5),
        ):
            for word, expected, measure in zip(
                words[:2],
                component_words(side, component),
                side.measures[component],
                strict=False,
            ):
                assert word == ("−" if measure < 0 else "") + expected
        await pilot.press("right", "right")
        layer = layer_of(pair, 2)
        base, tuned = (
            f"{100 * side.explained_variance.sum():.0f}" for side in (layer.base, layer.tuned)
        )
        shown = await until_shown(pilot, "layer 2", f"{base}→{tuned} %", f"{RANK} components")
        assert f"subspaces turned by {layer.subspace_angles.mean():.1f}°" in shown
        assert (f"components by {mean_angle(layer):.1f}°" in shown) == (size == WIDE)
        assert NOTE in shown


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
        change = list(component_changes(layer_of(pair, 0)))[3]
        assert change.gained
        gained = f"gained {len(change.gained)}: {' '.join(change.gained)}"
        lost = f"lost {len(change.lost)}: {' '.join(change.lost)}"
        await until_shown(pilot, gained, lost, "kept ")
        await pilot.press("end")
        await until_shown(pilot, f"base {RANK - 1} ")


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
        assert shown.count("no match") == 2
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
        await until_shown(pilot, "base 299 ")
        assert 0 < len(set(drawn)) <= 2 * items.size.height


async def test_words_filter_the_list_as_they_are_typed_and_down_goes_to_what_is_left(tmp_path):
    async with pair_at(shown_concepts, tmp_path, size=WIDE) as (pair, pilot):
        items = pair.app.query_one(ConceptList)
        total, word = items.count, component_words(layer_of(pair, 0).base, 0)[0]
        await pilot.press("slash", *word)
        await until(pilot, lambda: 0 < items.count < total)
        await pilot.press("down")
        await until(pilot, lambda: pair.app.focused is items)
        await until_shown(pilot, f"/{word}", f"{items.count} of {total}")
        await pilot.press("o", "escape")
        await until(pilot, lambda: items.count == total)
        assert pair.app.view.id == "concepts"
