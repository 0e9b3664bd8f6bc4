"""The lines at the head and the foot of the screen, in a terminal that changes its size."""

from __future__ import annotations

import pytest

from app.widgets.head_map import HeadMap
from tests.app.pair_app import PairApp, screen, until, until_loaded, until_shown


@pytest.mark.parametrize("after", [(60, 20), (100, 30)])
async def test_head_and_foot_are_as_wide_as_the_new_size(tmp_path, after):
    pair = PairApp(tmp_path)
    async with pair.running(size=(200, 50)) as pilot:
        await until_loaded(pilot, pair)
        await pilot.resize_terminal(*after)

        def fits() -> bool:
            lines = screen(pair.app).splitlines()
            whole = lines[0].endswith((" 7", " 7 Clusters"))
            return whole and lines[-1].endswith("? help  q quit")

        await until(pilot, fits)


async def test_after_a_terminal_that_was_too_small_the_keys_of_the_view_work_again(tmp_path):
    pair = PairApp(tmp_path)
    async with pair.running(size=(200, 50)) as pilot:
        await until_loaded(pilot, pair)
        await pilot.press("3")
        await until(pilot, lambda: isinstance(pair.app.focused, HeadMap))
        had_focus = pair.app.focused
        for size in ((40, 10), (30, 8), (240, 60)):
            await pilot.resize_terminal(*size)
        await until(pilot, lambda: pair.app.focused is had_focus)
        await pilot.press("escape")
        await until_shown(pilot, "Capital of a country")
