"""The screens as text, at both ends of the sizes: a change of layout shows in the diff.

INSTTUI_UPDATE_SCREENS=1 writes them anew.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from tests.app.pair_app import library_app, pair_at, screen, until, until_loaded, until_shown

SCREENS = Path(__file__).parent / "screens"
SIZES = [(80, 24), (200, 50)]


async def check(name, size, pilot):
    await pilot.pause(0.3)
    path = SCREENS / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("INSTTUI_UPDATE_SCREENS"):
        SCREENS.mkdir(exist_ok=True)
        path.write_text(screen(pilot.app) + "\n", encoding="utf-8")
    expected = path.read_text(encoding="utf-8")
    # A slow machine may need longer for the last repaint.
    with contextlib.suppress(AssertionError):
        await until(pilot, lambda: screen(pilot.app) + "\n" == expected, seconds=5)
    assert screen(pilot.app) + "\n" == expected


@pytest.mark.parametrize("size", SIZES)
async def test_prompt(tmp_path, size):
    async with pair_at(until_loaded, tmp_path, size=size) as (pair, pilot):
        await pilot.press("escape", "j", "space")
        await until(pilot, lambda: screen(pair.app).count("+ 1 special") == 2)
        await check("prompt", size, pilot)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("face", "key"), [("answers", "t"), ("grid", "g"), ("overview", "v")])
async def test_saliency(tmp_path, size, face, key):
    async with pair_at(until_loaded, tmp_path, size=size) as (pair, pilot):
        await pilot.press("enter")
        await until_shown(pilot, "different answers")
        await pilot.press(key, "j", "j", "l")
        await until(pilot, lambda: pair.app.status.state == "idle")
        await check(face, size, pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_cases(tmp_path, size):
    with library_app(tmp_path) as app:
        async with app.run_test(size=size) as pilot:
            await until_shown(pilot, "2 of 2 cases")
            await until(pilot, lambda: "so far" not in screen(app))
            await check("cases", size, pilot)
