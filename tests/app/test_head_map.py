"""The layer × head map: one cursor, the smallest repaints, every size of model and pane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.color import ColorSystem

from app.terminal.colours import MISSING_GLYPH, palette_for
from app.widgets.cell_map import ASCII_GLYPHS
from app.widgets.head_map import HeadMap, blank_map, levels_of
from tests.support.face_app import FaceApp, screen_lines, screen_text, type_keys


def computed_map(layers, heads, *, seed=0):
    random = np.random.default_rng(seed)
    levels = random.integers(0, 11, (layers, heads)).astype(np.uint8)
    return replace(blank_map(layers, heads), levels=levels, gaps=None)


def test_a_level_is_the_change_in_tenths_rounded_up():
    change = np.array([0.0, 0.001, 0.1, 0.3, 0.301, 0.7, 0.99, 1.0, np.nan])
    assert levels_of(change).tolist() == [0, 1, 1, 3, 4, 7, 10, 10, 0]


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (8, 8), (32, 32), (80, 64), (126, 128)])
@pytest.mark.parametrize("size", [(80, 24), (200, 50), (7, 3)])
async def test_the_cursor_reaches_every_corner_and_is_in_sight(shape, size):
    app = FaceApp(HeadMap(computed_map(*shape)), colours=ColorSystem.TRUECOLOR)
    async with app.run_test(size=size) as pilot:
        rows, columns = shape
        for keys in (["end"], ["pagedown"] * 130, ["home"], ["pageup"] * 130, ["right", "j"]):
            await type_keys(pilot, *keys)
            row, column = app.face.cursor
            assert 0 <= row < max(1, rows)
            assert 0 <= column < max(1, columns)
            if rows:
                cursor = palette_for(dark=True, mono=False).cursor.bgcolor
                seen = [s for line in screen_lines(app) for s in line if s.style.bgcolor == cursor]
                assert len(seen) == 1


async def test_layers_that_are_not_computed_look_different_from_heads_that_did_not_change():
    face = HeadMap()
    face.begin(4, 6)
    app = FaceApp(face, colours=ColorSystem.TRUECOLOR)
    async with app.run_test(size=(40, 8)) as pilot:
        await pilot.pause()
        assert MISSING_GLYPH * 20 in screen_text(app)[3]
        face.update_layer(2, np.zeros(6))
        await pilot.pause()
        assert MISSING_GLYPH not in screen_text(app)[3]
        assert MISSING_GLYPH * 20 in screen_text(app)[2]


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_without_colour_a_head_that_changed_more_is_drawn_darker(ascii_only, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    levels = np.tile(np.arange(11, dtype=np.uint8), (2, 1))
    shown = replace(blank_map(2, 11), levels=levels, gaps=None)
    app = FaceApp(HeadMap(shown, ascii_only=ascii_only))
    async with app.run_test(size=(60, 4)) as pilot:
        await type_keys(pilot, "j", "end")
        line = screen_text(app)[1]
        expected = ASCII_GLYPHS if ascii_only else " ··░░▒▒▓▓██"
        assert line.strip("0 ") == "".join(4 * glyph for glyph in expected).strip()
        assert not ascii_only or all(line.isascii() for line in screen_text(app))


async def test_the_numbers_above_name_the_head_under_the_cursor():
    app = FaceApp(HeadMap(computed_map(4, 64)))
    async with app.run_test(size=(80, 8)) as pilot:
        await type_keys(pilot, *["right"] * 11)
        header = screen_text(app)[0]
        assert header.index("11") == 3 + 11
        assert "8 " not in header[:14] or header[3 + 8] == "8"
        assert header[3 + 16 : 3 + 18] == "16"


async def test_a_step_repaints_two_cells_and_a_new_layer_one_line():
    app = FaceApp(HeadMap())
    app.face.begin(32, 32)
    async with app.run_test(size=(80, 40)) as pilot:
        app.face.update_layer(0, np.linspace(0.2, 0.9, 32))
        await pilot.pause()
        painted = []
        refresh = app.face.refresh
        app.face.refresh = lambda *regions, **rest: (
            painted.extend(regions or [app.face.size.region]),
            refresh(*regions, **rest),
        )[-1]
        await type_keys(pilot, "down")
        assert sum(region.area for region in painted) <= 2 * (2 + 4)
        painted.clear()
        app.face.update_layer(5, np.full(32, 0.5))
        assert {region.y for region in painted} == {6}
        assert {region.height for region in painted} == {1}


async def test_the_colours_are_spread_over_the_changes_that_are_there():
    face = HeadMap()
    face.begin(3, 3)
    async with FaceApp(face).run_test(size=(40, 8)) as pilot:
        face.update_layer(1, np.array([0.5, 0.55, 0.7]))
        assert face.map.levels[1].tolist() == [1, 3, 10]
        face.update_layer(2, np.array([0.0, 0.95]))
        await pilot.pause()
        # What did not change has a level of its own; a layer may have fewer heads.
        assert face.map.levels.tolist() == [[0, 0, 0], [6, 6, 8], [0, 10, 0]]
        assert (face.span.lowest, face.span.highest) == (0.0, 0.95)


async def test_a_click_goes_to_the_head_clicked():
    app = FaceApp(HeadMap(computed_map(8, 8)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click(HeadMap, offset=(3 + 4 * 5 + 1, 1 + 3))
        assert app.face.cursor == (3, 5)
        assert app.moves == [(3, 5)]
