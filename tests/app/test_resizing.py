"""The lines at the head and the foot of the screen, in a terminal that changes its size."""

from __future__ import annotations

import asyncio

import pytest
from textual.events import Callback, Resize
from textual.geometry import Size
from textual.screen import Screen

from app.frame.registry import VIEWS
from app.views.heads.overview import HeadRanking
from tests.app.pair_app import pair_at, screen, until, until_loaded, until_shown

MOST_LAYOUTS = 20
LAST = sum("pair" in view.workspaces for view in VIEWS)


@pytest.mark.parametrize("after", [(60, 20), (100, 30)])
async def test_head_and_foot_are_as_wide_as_the_new_size(tmp_path, after):
    async with pair_at(until_loaded, tmp_path, size=(200, 50)) as (pair, pilot):
        await pilot.resize_terminal(*after)

        def fits() -> bool:
            lines = screen(pair.app).splitlines()
            whole = lines[0].endswith((f" {LAST}", f" {LAST} {VIEWS[-1].title}"))
            return whole and lines[-1].endswith("f1 help  ctrl-c quit")

        await until(pilot, fits)


async def test_after_a_terminal_that_was_too_small_the_keys_of_the_view_work_again(tmp_path):
    async with pair_at(until_loaded, tmp_path, size=(200, 50)) as (pair, pilot):
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(pair.app.focused, HeadRanking))
        had_focus = pair.app.focused
        for size in ((40, 10), (30, 8), (240, 60)):
            await pilot.resize_terminal(*size)
        await until(pilot, lambda: pair.app.focused is had_focus)
        await pilot.press("escape")
        await until_shown(pilot, "Capital of a country")


@pytest.mark.parametrize("keys", [(), ("question_mark",), ("ctrl+p",)])
async def test_sizes_that_come_faster_than_layouts_do_not_chase_each_other(
    tmp_path, monkeypatch, keys
):
    """Each layout tells the screen its size: an older one, laid out again, would never end."""
    async with pair_at(until_loaded, tmp_path, size=(200, 50)) as (pair, pilot):
        await pilot.press(*keys)
        shown = pair.app.screen
        layouts = []
        lay_out = Screen._refresh_layout

        def noting(screen, size=None, scroll=False):
            layouts.append(size)
            # The chase is seen by then, and a test has to end.
            if len(layouts) <= MOST_LAYOUTS:
                lay_out(screen, size, scroll)

        monkeypatch.setattr(Screen, "_refresh_layout", noting)
        with pair.app.batch_update():
            for size in (Size(80, 25), Size(120, 35)):
                shown.post_message(Resize(size, size))
                # Neighbours in the queue would count as one.
                shown.post_message(Callback(callback=lambda: None))
            for _ in range(2 * MOST_LAYOUTS):
                answered = asyncio.Event()
                shown.post_message(Callback(callback=answered.set))
                await answered.wait()
        assert len(layouts) < MOST_LAYOUTS
        assert shown.size == pair.app.size == Size(200, 50)
