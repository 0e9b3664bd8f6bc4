"""The lines at the head and the foot of the screen, in a terminal that changes its size."""

from __future__ import annotations

import pytest

from tests.app.pair_app import PairApp, screen, until, until_loaded


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
