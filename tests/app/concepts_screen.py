"""What the tests of the Concepts view have in common: getting there, and what is asked there."""

from __future__ import annotations

from analysis.concepts.request import ConceptsRequest
from tests.app.pair_app import until_shown
from tests.support.scripted_concepts import layer_concepts
from tests.support.scripted_weights import LAYERS

WIDE, NARROW = (200, 50), (80, 24)
ALL_THERE = f"all {LAYERS} layers are there"


async def shown_concepts(pilot):
    """Open the view and wait for all layers."""
    await until_shown(pilot, "Capital of a country")
    await pilot.press("4")
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
