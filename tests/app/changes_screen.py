"""What the tests of the Changes view have in common: getting there."""

from __future__ import annotations

from app.frame.registry import VIEWS
from tests.app.pair_app import until_shown
from tests.support.scripted_weights import LAYERS

WIDE, NARROW = (200, 50), (80, 24)
KEY = str([each.id for each in VIEWS if "pair" in each.workspaces].index("changes") + 1)
ALL_THERE = f"all {LAYERS + 1} parts are there"


async def shown_changes(pilot):
    """Open the view and wait for all layers."""
    await until_shown(pilot, "Capital of a country")
    await pilot.press(KEY)
    return await until_shown(pilot, ALL_THERE)
