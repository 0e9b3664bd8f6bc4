"""The Concepts view, driven by keys: from layer to layer, through a list, to what was found."""

from __future__ import annotations

import csv

import msgspec
import pytest

from analysis.concepts.changes import component_changes, component_words
from analysis.concepts.request import ConceptsRequest
from analysis.concepts.tables import CONCEPT_COLUMNS, concepts_table
from analysis.events import Finished
from analysis.models.request import ArchitectureRequest, Gap
from app.views.concepts.view import ConceptsView
from tests.app.pair_app import copied, csv_rows, pair_at, requests_of, until, until_shown
from tests.support.scripted_concepts import RANK, layer_concepts
from tests.support.scripted_session import answer
from tests.support.scripted_weights import LAYERS, architecture

WIDE, NARROW = (200, 50), (80, 24)
ALL_THERE = f"all {LAYERS} layers are there"


async def shown_concepts(pilot):
    """Open the view and wait for all layers."""
    await until_shown(pilot, "Capital of a country")
    await pilot.press("f4")
    return await until_shown(pilot, ALL_THERE)


def request_of(pair, layer, expert=-1):
    """What is asked about a layer."""
    work = pair.workspace
    return ConceptsRequest(work.base, work.tuned, layer, work.words, expert)


def layer_of(pair, layer, expert=-1):
    """What the scripted engine answers about a layer."""
    return layer_concepts(request_of(pair, layer, expert))


def line_with(shown, start):
    """The first line of the screen that begins with these words."""
    return next(line for line in shown.splitlines() if line.split()[:1] == [start])


async def test_layers_are_chosen_with_arrows_and_brackets_and_begin_with_their_first_row(tmp_path):
    async with pair_at(shown_concepts, tmp_path) as (_, pilot):
        await pilot.press("j", "j")
        await until_shown(pilot, "layer 0 ", f"base {RANK - 3} ")
        await pilot.press("right")
        await until_shown(pilot, "layer 1 ", f"base {RANK - 1} ")
        await pilot.press("j", "right_square_bracket", "l", "left_square_bracket")
        await until_shown(pilot, "layer 2 ", f"base {RANK - 1} ")
        await pilot.press(*["h"] * 5)
        await until_shown(pilot, "layer 0 ")
        await pilot.press(*["right"] * 20)
        await until_shown(pilot, f"layer {LAYERS - 1} ")


async def test_a_word_is_found_in_all_layers_and_n_goes_on(tmp_path):
    async with pair_at(shown_concepts, tmp_path, size=WIDE) as (pair, pilot):
        places = [
            (number, component)
            for number in range(LAYERS)
            for component, matched in enumerate(layer_of(pair, number).matched)
            if "essay" in component_words(layer_of(pair, number).base, component)
            or "essay" in component_words(layer_of(pair, number).tuned, matched)
        ]
        in_base = sum(
            "essay" in component_words(layer_of(pair, number).base, component)
            for number in range(LAYERS)
            for component in range(RANK)
        )
        await pilot.press("slash", *"Essay", "enter")
        await until_shown(pilot, f"“Essay” in components of {LAYERS} layers: base {in_base} ·")
        assert len(pair.app.query_one(ConceptsView)._found.places) == len(places)
        await pilot.press("j", "enter")
        layer, component = places[1]
        await until_shown(pilot, f"layer {layer} ", f"base {component} ")
        last_layer, last = places[-1]
        await pilot.press("N", "N")
        await until_shown(pilot, f"layer {last_layer} ", f"base {last} ", f"{len(places)} of")
        await pilot.press("n")
        await until_shown(pilot, f"layer {places[0][0]} ", f"base {places[0][1]} ", "1 of")
        # One escape is one step back: to what was found, to the list, and out.
        for there in ("“Essay” in components", "all 8 layers are there"):
            await pilot.press("escape")
            await until_shown(pilot, there)
        await pilot.press("slash", *"zebra")
        await until_shown(pilot, "no row here: enter searches all layers")
        await pilot.press("enter")
        await until_shown(pilot, "“zebra” stands in no component")
        await pilot.press("escape")
        await until(pilot, lambda: pair.app.view.id == "prompt")


async def test_experts_are_chosen_with_a_key_and_asked_for_when_they_are(tmp_path):
    def script(request):
        if isinstance(request, ArchitectureRequest):
            yield Finished(msgspec.structs.replace(architecture(request), experts=3))
            return
        yield from answer(request)

    async with pair_at(shown_concepts, tmp_path, script=script) as (pair, pilot):
        assert {request.expert for request in requests_of(pair, ConceptsRequest)} == {0}
        await pilot.press("right", "x")
        await until_shown(pilot, "layer 1 · expert 1", ALL_THERE)
        assert requests_of(pair, ConceptsRequest)[LAYERS] == request_of(pair, 1, 1)
        await pilot.press("X", "X")
        await until_shown(pilot, "expert 2", ALL_THERE)
        await pilot.press("e")
        await until_shown(pilot, "Exported to")
        count = len(requests_of(pair, ConceptsRequest))
        await pilot.press("x")
        await until_shown(pilot, "expert 0", ALL_THERE)
        assert len(requests_of(pair, ConceptsRequest)) == count == 3 * LAYERS
    (path,) = set(tmp_path.glob("*.csv")) - set(tmp_path.glob("concepts-rotation-*"))
    assert {row["expert"] for row in csv_rows(path)} == {"2"}


async def test_a_layer_without_a_network_is_asked_nothing_and_says_why(tmp_path):
    def script(request):
        if isinstance(request, ArchitectureRequest):
            gaps = (Gap(1, "consists of attention alone"),)
            yield Finished(msgspec.structs.replace(architecture(request), without_network=gaps))
            return
        yield from answer(request)

    async def shown(pilot):
        await until_shown(pilot, "Capital of a country")
        await pilot.press("f4")
        return await until_shown(pilot, f"all {LAYERS - 1} layers are there")

    async with pair_at(shown, tmp_path, script=script) as (pair, pilot):
        asked = [request.layer for request in requests_of(pair, ConceptsRequest)]
        assert asked == [layer for layer in range(LAYERS) if layer != 1]
        await pilot.press("right")
        await until_shown(pilot, "layer 1 · left out: it consists of attention alone")
        await pilot.press("right")
        await until_shown(pilot, "layer 2 ·")


async def test_the_export_is_the_table_of_all_layers_or_of_the_plot(tmp_path):
    names = "base,[b]\x1b[0m/../", '"tuned"'
    async with pair_at(shown_concepts, tmp_path, names=names) as (pair, pilot):
        await pilot.press("e")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == 2)
        (rotations,) = tmp_path.glob("concepts-rotation-*.csv")
        (path,) = set(tmp_path.glob("*.csv")) - {rotations}
        await pilot.press("p", "p", "p", "e")
        await until(pilot, lambda: len(list(tmp_path.glob("*.csv"))) == 3)
    assert not set(path.name) & set('[]\x1b/,"')
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert tuple(header) == CONCEPT_COLUMNS
    expected = concepts_table([layer_of(pair, layer) for layer in range(LAYERS)])
    assert rows == [["" if cell is None else str(cell) for cell in row] for row in expected]
    assert len(rotations.read_text(encoding="utf-8").splitlines()) == 1 + LAYERS


async def test_copying_takes_the_row_or_the_numbers_of_the_plot(tmp_path):
    async with pair_at(shown_concepts, tmp_path, size=WIDE) as (pair, pilot):
        text = await copied(pilot, "j", "y")
        layer = layer_of(pair, 0)
        change = list(component_changes(layer))[RANK - 2]
        assert f"gained: {' '.join(change.gained)}" in text
        assert f"angle {layer.angles[RANK - 2]:.2f} degrees" in text
        assert f"{layer.base.measures[RANK - 2][0]:.3f}" in text
        text = await copied(pilot, "p", "y")
        assert text.splitlines()[0].split("\t")[0] == "component"
        assert len(text.splitlines()) == 1 + RANK


@pytest.mark.parametrize("rank", [0, 1, 2])
async def test_layers_with_hardly_any_component_are_shown_too(tmp_path, rank):
    def script(request):
        if isinstance(request, ConceptsRequest):
            yield Finished(layer_concepts(request, rank=rank))
            return
        yield from answer(request)

    async with pair_at(shown_concepts, tmp_path, script=script) as (_, pilot):
        await until_shown(pilot, f"{rank} components")
        await pilot.press("j", "y", "p", "t", "p", "p", "t", "escape", "e")
        await until_shown(pilot, "Exported to")


async def test_every_layer_is_asked_once_in_order(tmp_path):
    async with pair_at(shown_concepts, tmp_path) as (pair, pilot):
        asked = requests_of(pair, ConceptsRequest)
        assert asked == [request_of(pair, layer) for layer in range(LAYERS)]
        await pilot.press("1", "f4")
        await pilot.pause(0.1)
        assert requests_of(pair, ConceptsRequest) == asked
