"""What the Concepts view asks of the engine, when, and what it makes of failures."""

from __future__ import annotations

from analysis.concepts.request import ConceptsRequest
from tests.app.concepts_screen import (
    request_of,
    shown_concepts,
)
from tests.app.pair_app import pair_at, requests_of
from tests.support.scripted_weights import LAYERS


async def test_every_layer_is_asked_once_in_order(tmp_path):
    async with pair_at(shown_concepts, tmp_path) as (pair, pilot):
        asked = requests_of(pair, ConceptsRequest)
        assert asked == [request_of(pair, layer) for layer in range(LAYERS)]
        await pilot.press("1", "4")
        await pilot.pause(0.1)
        assert requests_of(pair, ConceptsRequest) == asked
