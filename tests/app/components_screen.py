"""What the tests of the Neurons view have in common: getting there, and its numbers."""

from __future__ import annotations

import msgspec

from analysis.events import Finished
from analysis.models.request import ArchitectureRequest
from analysis.neurons.instructions import demo_instructions
from analysis.neurons.pair import Thresholds, pair_sets
from analysis.neurons.request import FrequenciesRequest
from analysis.neurons.sets import EPSILON, TAU
from app.frame.registry import VIEWS
from app.widgets.number_map import NumberMap
from tests.app.pair_app import requests_of, until_shown
from tests.support.scripted_components import EXPERTS, frequencies
from tests.support.scripted_session import answer
from tests.support.scripted_weights import architecture

WIDE, NARROW = (200, 50), (80, 24)
CATEGORIES = demo_instructions().categories
KEY = "f" + str([each.id for each in VIEWS if "pair" in each.workspaces].index("components") + 1)
ALL = f"all {len(CATEGORIES)} categories are there"


async def shown_components(pilot, *words):
    """Open the view and wait for all categories."""
    await until_shown(pilot, "Capital of a country")
    await pilot.press(KEY)
    return await until_shown(pilot, ALL, *words)


async def shown_overlaps(pilot, *words):
    """Open the view, and turn from what tuning changed to both models' overlaps."""
    await shown_components(pilot)
    await pilot.press("v")
    return await until_shown(pilot, "overlap of", *words)


def sets_of(pair, epsilon=EPSILON, tau=TAU, **given):
    """The sets that the session's answers make, past the view."""
    asked = requests_of(pair, FrequenciesRequest)
    sides = [
        [frequencies(each, **given) for each in asked if each.model.name == name]
        for name in ("demo-base", "demo-tuned")
    ]
    return pair_sets(*sides, Thresholds(epsilon, tau))


def tuned_map(pair):
    """The map of the tuned model."""
    return pair.app.query_one("#map-tuned", NumberMap)


def mixture_script(request):
    """The answers about a pair of which every layer has experts."""
    if isinstance(request, ArchitectureRequest):
        yield Finished(msgspec.structs.replace(architecture(request), experts=EXPERTS))
    elif isinstance(request, FrequenciesRequest):
        yield Finished(frequencies(request, mixture=True))
    else:
        yield from answer(request)
