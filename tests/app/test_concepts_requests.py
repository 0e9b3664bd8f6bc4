"""What the Concepts view asks of the engine, when, and what it makes of failures."""

from __future__ import annotations

import msgspec
import pytest

from analysis.concepts.request import ConceptsRequest
from analysis.events import Finished, Notice
from analysis.models.request import ArchitectureRequest
from analysis.problems import Problem
from tests.app.concepts_screen import (
    ALL_THERE,
    WIDE,
    hold_layers_back,
    request_of,
    requests_of,
    shown_concepts,
)
from tests.app.pair_app import PairApp, until, until_loaded, until_shown
from tests.support.scripted_session import answer
from tests.support.scripted_weights import LAYERS, architecture


@pytest.fixture(autouse=True)
def _exports_go_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


async def test_every_layer_is_asked_once_in_order(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running() as pilot:
        await shown_concepts(pilot)
        asked = requests_of(pair, ConceptsRequest)
        assert asked == [request_of(pair, layer) for layer in range(LAYERS)]
        await pilot.press("1", "4")
        await pilot.pause(0.1)
        assert requests_of(pair, ConceptsRequest) == asked


async def test_the_layer_that_one_rests_on_is_computed_next(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await until_loaded(pilot, pair)
        release = hold_layers_back(pair)
        await pilot.press("4")
        await until_shown(pilot, "esc stops", "not computed yet")
        await pilot.press(*["right"] * 5)
        # On a busy machine the keys may come so slowly that one rests on the layers between, too.
        await until(pilot, lambda: requests_of(pair, ConceptsRequest)[-1].layer == 5)
        release()
        await until_shown(pilot, ALL_THERE)


async def test_escape_stops_and_r_goes_on_with_the_layer_that_is_shown(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=WIDE) as pilot:
        await until_loaded(pilot, pair)
        release = hold_layers_back(pair)
        await pilot.press("4")
        await until_shown(pilot, "esc stops", "not computed yet")
        await pilot.press("e", "y", "p", "t", "p", "p", "p", "p")
        await pilot.press("escape")
        await until_shown(pilot, f"Stopped with 0 of {LAYERS} layers. r goes on.")
        await pilot.press("right", "right", "r")
        await until(pilot, lambda: requests_of(pair, ConceptsRequest)[-1].layer == 2)
        release()
        await until_shown(pilot, ALL_THERE)


async def test_notes_and_notices_are_said(tmp_path):
    def script(request):
        if isinstance(request, ArchitectureRequest):
            yield Finished(msgspec.structs.replace(architecture(request), notes=("Norms stay.",)))
            return
        if isinstance(request, ConceptsRequest) and request.layer == 0:
            yield Notice(Problem(kind="storage", what="The disk is [b]full[/b]."))
        yield from answer(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.running(size=WIDE) as pilot:
        await until_shown(pilot, "Capital of a country")
        await pilot.press("4")
        await until_shown(pilot, "The disk is [b]full[/b].")
        await until_shown(pilot, "Norms stay.")
