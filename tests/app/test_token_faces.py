"""The three faces show one map, share one cursor, and repaint what changed and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.color import ColorSystem
from textual.geometry import Region

from app.terminal.colours import GLYPHS, oklab, palette_for
from app.widgets.token_face import TokenMap
from app.widgets.token_grid import TokenGrid
from app.widgets.token_overview import TokenOverview
from app.widgets.token_text import TokenText
from tests.support.face_app import FACES, FaceApp, sample_map, screen_lines, screen_text, type_keys

EVERY_KEY = ["down", "right", "j", "l", "end", "pagedown", "up", "left", "k", "h", "home", "pageup"]

SIZES = [(0, 0), (0, 5), (5, 0), (1, 1), (1, 300), (2000, 1), (2000, 300)]


@pytest.mark.parametrize("kind", FACES)
@pytest.mark.parametrize("shape", SIZES)
async def test_every_key_keeps_the_cursor_inside_maps_of_any_size(kind, shape) -> None:
    app = FaceApp(FACES[kind](sample_map(*shape)))
    async with app.run_test(size=(80, 24)) as pilot:
        await type_keys(pilot, *EVERY_KEY, *["pagedown"] * 3, "end", "right", "down")
        rows, columns = shape
        row, column = app.face.cursor
        assert 0 <= row < max(1, rows)
        assert 0 <= column < max(1, columns)
        assert app.moves if max(shape) > 1 else not app.moves


@pytest.mark.parametrize("kind", FACES)
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (10, 3), (300, 80)])
async def test_panes_of_any_size(kind, size) -> None:
    app = FaceApp(FACES[kind](sample_map(30, 30)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.resize_terminal(*size)
        await type_keys(pilot, "down", "right", "end", "pagedown")
        await pilot.pause()
        assert len(screen_lines(app)) == size[1]


@pytest.mark.parametrize("kind", FACES)
async def test_keys_tell_the_cell_and_moves_from_outside_are_silent(kind) -> None:
    app = FaceApp(FACES[kind](sample_map(9, 9)))
    async with app.run_test() as pilot:
        await type_keys(pilot, "down", "l", "j", "right", "k", "h")
        assert app.moves == [(1, 0), (1, 1), (2, 1), (2, 2), (1, 2), (1, 1)]
        app.face.move_cursor(50, -3)
        await pilot.pause()
        assert app.face.cursor == (8, 0)
        await type_keys(pilot, "down", "left")
        # Another map keeps the cursor where it can.
        app.face.move_cursor(7, 4)
        app.face.show(sample_map(5, 6))
        await pilot.pause()
        assert app.face.cursor == (4, 4)
        assert len(app.moves) == 6


@pytest.mark.parametrize("colours", [None, ColorSystem.TRUECOLOR])
@pytest.mark.parametrize("kind", FACES)
async def test_after_a_walk_the_screen_is_that_of_a_fresh_face(kind, colours) -> None:
    shown = sample_map(14, 10)
    walked = FaceApp(FACES[kind](shown), colours=colours)
    fresh = FaceApp(FACES[kind](shown), colours=colours)
    walk = np.random.default_rng(1).choice(["up", "down", "left", "right", "home", "end"], 60)
    async with walked.run_test(size=(90, 30)) as pilot:
        # A paint between the keys, or the screen would be drawn once at the end.
        for key in walk:
            await type_keys(pilot, str(key))
            screen_lines(walked)
        here, cursor = screen_lines(walked), walked.face.cursor
    async with fresh.run_test(size=(90, 30)) as pilot:
        fresh.face.move_cursor(*cursor)
        fresh.face.refresh()
        await pilot.pause()
        assert screen_lines(fresh) == here


@pytest.mark.parametrize("colours", [None, ColorSystem.TRUECOLOR])
@pytest.mark.parametrize("pieces", ["rows", "columns"])
@pytest.mark.parametrize("kind", FACES)
async def test_a_map_that_arrives_in_pieces_ends_as_the_whole_map(kind, colours, pieces) -> None:
    whole = sample_map(14, 10)
    nothing = replace(whole, levels=np.zeros_like(whole.levels), missing=np.ones((14, 10), bool))
    growing = FaceApp(FACES[kind](nothing), colours=colours)
    async with growing.run_test(size=(90, 30)) as pilot:
        empty = screen_lines(growing)
        for known in range(1, 15 if pieces == "rows" else 11):
            missing = np.zeros((14, 10), bool)
            if pieces == "rows":
                missing[known:] = True
            else:
                missing[:, known:] = True
            levels = np.where(missing, 0, whole.levels).astype(np.uint8)
            growing.face.update_levels(levels, missing=missing, density=whole.density)
            await pilot.pause()
            screen_lines(growing)
        grown = screen_lines(growing)
    done = FaceApp(FACES[kind](whole), colours=colours)
    async with done.run_test(size=(90, 30)) as pilot:
        await pilot.pause()
        assert grown != empty
        assert [[(s.text, s.style) for s in line] for line in screen_lines(done)] == [
            [(s.text, s.style) for s in line] for line in grown
        ]


@pytest.mark.parametrize("kind", FACES)
async def test_an_update_repaints_only_what_is_in_the_changed_column(kind, monkeypatch) -> None:
    shown = sample_map(14, 10)
    app = FaceApp(FACES[kind](shown))
    async with app.run_test(size=(90, 30)) as pilot:
        await pilot.pause()
        painted: list[tuple[object, ...]] = []
        monkeypatch.setattr(app.face, "refresh", lambda *regions, **_: painted.append(regions))
        app.face.update_levels(shown.levels.copy(), density=shown.density)
        assert painted == []
        changed = shown.levels.copy()
        changed[:, 0] = (changed[:, 0] + 3) % 11
        app.face.update_levels(changed, density=shown.density)
        assert painted
        assert all(painted), "the whole pane was repainted"


async def test_rows_that_arrive_repaint_themselves_and_nothing_else(monkeypatch) -> None:
    whole = sample_map(14, 10)
    missing = np.ones((14, 10), bool)
    missing[:5] = False
    levels = np.where(missing, 0, whole.levels).astype(np.uint8)
    app = FaceApp(TokenGrid(replace(whole, levels=levels, missing=missing)))
    async with app.run_test(size=(90, 30)) as pilot:
        await pilot.pause()
        painted: list[Region] = []
        monkeypatch.setattr(app.face, "refresh", lambda *regions, **_: painted.extend(regions))
        missing = missing.copy()
        missing[5:7] = False
        levels = np.where(missing, 0, whole.levels).astype(np.uint8)
        app.face.update_levels(levels, missing=missing)
        # The first line are the column labels.
        assert [(region.y, region.height) for region in painted] == [(6, 1), (7, 1)]


async def test_a_grid_shows_digits_when_asked_and_which_are_below_zero() -> None:
    levels = np.array([[10, 3], [0, 4]], dtype=np.uint8)
    negative = np.array([[True, False], [False, True]])
    shown = TokenMap(["one", "two"], ["a", "b"], levels, negative=negative)
    face = TokenGrid(shown)
    app = FaceApp(face, colours=ColorSystem.TRUECOLOR)
    async with app.run_test(size=(30, 5)):
        assert screen_text(app)[2].split() == ["two"]
        face.digits = True
        assert screen_text(app)[0].split() == ["a", "b"]
        for cell in [(0, 0), (1, 1)]:
            face.move_cursor(*cell)
            numbers = [line.split() for line in screen_text(app)[1:3]]
            assert numbers == [["one", "-10", "3"], ["two", "-4"]]


@pytest.mark.parametrize("kind", FACES)
async def test_a_click_moves_to_the_token_under_the_mouse(kind) -> None:
    app = FaceApp(FACES[kind](sample_map(12, 12)))
    async with app.run_test(size=(80, 24)) as pilot:
        places = {app.face.cell_at(x, y): (x, y) for y in range(24) for x in range(80)}
        cell = next(cell for cell in places if cell not in (None, (0, 0)))
        await pilot.click(offset=places[cell])
        assert app.moves == [cell]


@pytest.mark.parametrize("kind", FACES)
async def test_a_theme_with_a_light_background_turns_the_scale_round(kind) -> None:
    app = FaceApp(FACES[kind](sample_map(12, 12)), colours=ColorSystem.TRUECOLOR)
    async with app.run_test(size=(80, 24)) as pilot:
        for theme, dark in (("textual-dark", True), ("textual-light", False)):
            app.theme = theme
            await pilot.pause()
            scale = set(palette_for(dark=dark, mono=False).colours)
            used = {
                colour
                for line in screen_lines(app)
                for segment in line
                if segment.style
                for colour in (segment.style.bgcolor, segment.style.color)
            }
            assert len(used & scale) >= 3
            assert not used & set(palette_for(dark=not dark, mono=False).colours)


async def test_labels_stay_while_cells_scroll() -> None:
    shown = replace(
        sample_map(300, 100),
        row_labels=[f"row{i}" for i in range(300)],
        column_labels=[f"c{i}" for i in range(100)],
    )
    app = FaceApp(TokenGrid(shown))
    async with app.run_test(size=(60, 20)) as pilot:
        for row, column in [(0, 0), (299, 99), (150, 50), (151, 0), (0, 99)]:
            app.face.move_cursor(row, column)
            await pilot.pause()
            lines = screen_text(app)
            at = next(y for y, line in enumerate(lines) if line[1:].split()[0] == f"row{row}")
            under = lines[0].index(f"c{column} ")
            assert app.face.cell_at(under, at) == (row, column)


async def test_a_step_over_the_edge_scrolls_half_a_pane() -> None:
    app = FaceApp(TokenGrid(sample_map(300, 10)))
    async with app.run_test(size=(100, 21)) as pilot:
        tops = []
        for _ in range(60):
            await type_keys(pilot, "down")
            tops.append(app.face.scroll_offset.y)
        assert len(set(tops)) <= 60 // 9 + 1
        assert tops == sorted(tops)


async def test_instruction_rows_are_marked_and_gaps_have_no_cells() -> None:
    shown = TokenMap(
        ["a", "b", "c"],
        ["x"],
        np.array([[5], [0], [5]], np.uint8),
        marked=np.array([True, False, False]),
        gaps=np.array([False, True, False]),
    )
    app = FaceApp(TokenGrid(shown))
    async with app.run_test(size=(40, 5)) as pilot:
        app.face.move_cursor(2, 0)
        await pilot.pause()
        lines = screen_text(app)
        assert lines[1].split() == ["▌a", GLYPHS[5] * 2]
        assert lines[2].split() == ["b", "╌"]


async def test_search_hits_are_highlighted_where_they_are() -> None:
    app = FaceApp(TokenGrid(sample_map(6, 6)), colours=ColorSystem.TRUECOLOR)
    async with app.run_test(size=(60, 10)) as pilot:
        app.face.highlight(rows=[2], columns=[4])
        await pilot.pause()
        hit = palette_for(dark=True, mono=False).hit.bgcolor
        lines = [
            any(s.style and s.style.bgcolor == hit for s in line) for line in screen_lines(app)
        ]
        assert [y for y, found in enumerate(lines) if found] == [0, 3]


@pytest.mark.parametrize("kind", FACES)
@pytest.mark.parametrize("level", range(11))
async def test_the_cursor_stands_out_from_every_level_without_colours(kind, level) -> None:
    shown = TokenMap(["ab"] * 4, ["cd"] * 4, np.full((4, 4), level, np.uint8))
    app = FaceApp(FACES[kind](shown))
    async with app.run_test(size=(40, 12)) as pilot:
        screens = []
        for cell in [(1, 1), (1, 2), (2, 1)]:
            app.face.move_cursor(*cell)
            await pilot.pause()
            reverse = [
                "".join(s.text for s in line if s.style and s.style.reverse)
                for line in screen_lines(app)
            ]
            assert any(reverse)
            screens.append(screen_lines(app))
        assert screens[0] != screens[1]
        assert screens[0] != screens[2]


async def test_text_breaks_after_newlines_and_underlines_the_response_token() -> None:
    shown = TokenMap(["Hi", "\n", "you", " there"], ["I", " am"], np.zeros((4, 2), np.uint8))
    app = FaceApp(TokenText(shown), colours=ColorSystem.TRUECOLOR)
    async with app.run_test(size=(40, 8)) as pilot:
        await type_keys(pilot, "right")
        await pilot.pause()
        lines = screen_text(app)
        assert [line.strip() for line in lines[:2]] == ["Hi↵", "you there"]
        assert lines[3].strip() == "I am"
        underlined = [s.text for s in screen_lines(app)[3] if s.style and s.style.underline]
        assert underlined == [" am"]


async def test_for_the_whole_response_rows_have_their_totals_and_a_step_picks_the_first() -> None:
    shown = TokenMap(
        ["one", " two"], ["x", "y"], np.full((2, 2), 1, np.uint8), totals=np.array([0, 7], np.uint8)
    )
    app = FaceApp(TokenText(shown), colours=ColorSystem.TRUECOLOR)
    colours = palette_for(dark=True, mono=False).colours
    async with app.run_test(size=(40, 8)) as pilot:
        app.face.coloured_by = "whole"
        await pilot.pause()
        line = screen_lines(app)[0]
        two = next(s for s in line if s.text.startswith(" two"))
        assert colours.index(two.style.bgcolor) == 7
        # The cursor leaves the first token its colour, here none.
        assert all(s.style.bgcolor not in colours for s in line if s.text == "one")
        assert not any(s.style.reverse for s in screen_lines(app)[2] if s.style)
        await type_keys(pilot, "down")
        await type_keys(pilot, "right")
        assert app.moves == [(1, 0), (1, 0)]
        app.face.coloured_by = "column"
        await type_keys(pilot, "right", "right")
        assert app.moves == [(1, 0), (1, 0), (1, 1)]


async def test_pages_scroll_a_response_that_is_looked_at_as_a_whole() -> None:
    shown = TokenMap(["p"], [f" r{i}" for i in range(300)], np.zeros((1, 300), np.uint8))
    app = FaceApp(TokenText(shown))
    async with app.run_test(size=(40, 10)) as pilot:
        app.face.coloured_by = "whole"
        await type_keys(pilot, *["pagedown"] * 30)
        assert " r299" in screen_text(app)[-1]
        await type_keys(pilot, *["pageup"] * 30)
        assert " r0 " in screen_text(app)[2]
        assert app.moves == []


async def test_text_is_coloured_by_the_column_or_by_density() -> None:
    levels = np.array([[0, 9], [4, 0]], np.uint8)
    shown = TokenMap(["one", " two"], ["x", "y"], levels, density=np.array([1.0, 0.25]))
    app = FaceApp(TokenText(shown), colours=ColorSystem.TRUECOLOR)
    colours = palette_for(dark=True, mono=False).colours

    async with app.run_test(size=(40, 8)) as pilot:

        async def level_of_two() -> int:
            await pilot.pause()
            two = next(s for s in screen_lines(app)[0] if s.text.startswith(" two"))
            return colours.index(two.style.bgcolor) if two.style.bgcolor in colours else 0

        assert await level_of_two() == 4
        await type_keys(pilot, "right")
        assert await level_of_two() == 0
        app.face.coloured_by = "density"
        assert await level_of_two() == 3


@pytest.mark.parametrize("colours", [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT])
async def test_text_tells_what_weighs_against_from_what_weighs_for(colours) -> None:
    app = FaceApp(TokenText(weighing()), colours=colours)
    async with app.run_test(size=(40, 8)) as pilot:
        app.face.coloured_by = "whole"
        await pilot.pause()
        grounds = [
            oklab([style.bgcolor.get_truecolor()])[0]
            for text in ("for", " against")
            for style in (next(s.style for s in screen_lines(app)[0] if s.text == text),)
        ]
        # Orange and blue, alike in lightness.
        assert grounds[1][2] < -0.05 < 0.05 < grounds[0][2]
        assert abs(grounds[0][0] - grounds[1][0]) < 0.08


@pytest.mark.parametrize(
    ("ascii_only", "shown"), [(False, "for█ against−█ no"), (True, "for█ against-█ no")]
)
async def test_without_colours_a_sign_tells_it(ascii_only, shown) -> None:
    app = FaceApp(TokenText(weighing(), ascii_only=ascii_only))
    async with app.run_test(size=(40, 8)) as pilot:
        app.face.coloured_by = "whole"
        await pilot.pause()
        assert screen_text(app)[0].strip() == shown


def weighing() -> TokenMap:
    """One token for the answer, one against it, one neither."""
    return TokenMap(
        ["for", " against", " no"],
        ["x"],
        np.zeros((3, 1), np.uint8),
        negative=np.zeros((3, 1), np.bool_),
        totals=np.array([10, 10, 0], np.uint8),
        negative_totals=np.array([False, True, False]),
    )


async def test_long_texts_follow_the_cursor_in_both_parts() -> None:
    shown = TokenMap(
        [f" p{i}" for i in range(900)],
        [f" r{i}" for i in range(900)],
        np.zeros((900, 900), np.uint8),
    )
    app = FaceApp(TokenText(shown))
    async with app.run_test(size=(50, 15)) as pilot:
        for row, column in [(899, 899), (450, 300), (0, 0)]:
            app.face.move_cursor(row, column)
            await pilot.pause()
            text = "\n".join(screen_text(app))
            assert f" p{row} " in text
            assert f" r{column}" in text


async def test_overview_keeps_the_strongest_cell_of_a_large_map() -> None:
    levels = np.zeros((600, 300), np.uint8)
    levels[431, 207] = 10
    shown = TokenMap(["a"] * 600, ["b"] * 300, levels)
    app = FaceApp(TokenOverview(shown))
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        found = [
            (x, y)
            for y, line in enumerate(screen_text(app))
            for x, c in enumerate(line)
            if c == "█"
        ]
        assert len(found) == 1
        app.face.move_cursor(431, 207)
        await pilot.pause()
        x, y = found[0]
        assert screen_text(app)[y][x] == "+"


def test_maps_with_shapes_or_levels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="levels has the shape"):
        TokenMap(["a"], ["b"], np.zeros((2, 1), np.uint8))
    with pytest.raises(ValueError, match="marked has the shape"):
        TokenMap(["a"], ["b"], np.zeros((1, 1), np.uint8), marked=np.zeros(2, bool))
    with pytest.raises(ValueError, match="levels go up to 10"):
        TokenMap(["a"], ["b"], np.full((1, 1), 11, np.uint8))
