"""The Changes view, driven by keys: the map, a matrix, where it leads, what was found."""

from __future__ import annotations

import csv

import pytest

from analysis.changes.request import OUTSIDE, ChangesRequest
from analysis.changes.tables import TENSOR_COLUMNS, directions_table
from analysis.events import Finished
from app.frame.registry import VIEWS
from app.views.changes.view import ChangesView
from app.widgets.number_map import NumberMap
from tests.app.pair_app import copied, csv_rows, pair_at, requests_of, screen, until, until_shown
from tests.support.scripted_changes import MATRICES, RANK, layer_changes
from tests.support.scripted_session import answer
from tests.support.scripted_weights import LAYERS

WIDE, NARROW = (200, 50), (80, 24)
KEY = "f" + str([each.id for each in VIEWS if "pair" in each.workspaces].index("changes") + 1)
ALL_THERE = f"all {LAYERS + 1} parts are there"


async def shown_changes(pilot):
    """Open the view and wait for all layers."""
    await until_shown(pilot, "Capital of a country")
    await pilot.press(KEY)
    return await until_shown(pilot, ALL_THERE)


def request_of(pair, layer):
    work = pair.workspace
    return ChangesRequest(work.base, work.tuned, layer, work.words)


def map_of(pair):
    return pair.app.query_one(NumberMap)


async def test_the_map_has_a_cell_for_every_matrix_and_says_what_the_cursor_is_on(tmp_path):
    async with pair_at(shown_changes, tmp_path, size=NARROW) as (pair, pilot):
        asked = requests_of(pair, ChangesRequest)
        assert asked == [request_of(pair, layer) for layer in (*range(LAYERS), OUTSIDE)]
        shown = map_of(pair)
        assert shown.map.shape == (LAYERS + 1, len(MATRICES) + 1)
        # The scripted matrix number n of layer l changes by l + n + 1 percent.
        await until_shown(pilot, "layer 0 · query · 128×512", "changed by 1.00 %")
        await pilot.press("j", "j", "l", "l", "l")
        await until_shown(pilot, "layer 2 · output", "changed by 6.00 %", "first writes")
        await pilot.press("l")
        await until_shown(pilot, "effective rank 46 ± 2", "90 % in ≈ 25")
        most = LAYERS - 1 + len(MATRICES)
        assert shown.map.levels[LAYERS - 1, len(MATRICES) - 1] == 10 == shown.map.levels.max()
        await until_shown(pilot, f"{most}.0 % of the norm", "changed most of all")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_matrices_are_ranked_by_change_and_the_map_goes_along(tmp_path, size):
    async with pair_at(shown_changes, tmp_path, size=size) as (pair, pilot):
        last = f"layer {LAYERS - 1} · {MATRICES[-1]}"
        await until_shown(pilot, f"{last} changed most of all matrices", "least ")
        await pilot.press("m")
        await until_shown(pilot, "matrices by change", f"{last} · ")
        ranking = pair.app.query_one("#ranking")
        values = [ranking._rows.rows.row(number)[2] for number in ranking.shown]
        assert values == sorted(values, reverse=True)
        assert map_of(pair).cursor == (LAYERS - 1, len(MATRICES) - 1)
        await pilot.press("j", "enter")
        layer, role, *_ = ranking.cells
        await until_shown(pilot, f"layer {layer} · {role}", "effective rank", "share %")
        # Sorted by layer, a row leads to its own matrix.
        await pilot.press("escape", "o", "enter")
        await until_shown(pilot, f"layer {layer} · {role}", "share %")
        await pilot.press("escape", "m", "h")
        assert ranking.cells[0] == map_of(pair).cursor[0]
        shown = screen(pair.app)
        assert ("matrices by change" in shown) is (size == WIDE)


async def test_norms_and_biases_have_a_map_of_their_own(tmp_path):
    async with pair_at(shown_changes, tmp_path) as (pair, pilot):
        await pilot.press("v")
        await until_shown(pilot, "norms and biases", "norm 1", "changed by 0.20 %")
        assert map_of(pair).map.shape == (LAYERS + 1, 2)
        await pilot.press("v")
        await until_shown(pilot, "matrices: ", "query")


async def test_whatever_is_ranked_the_lines_below_are_about_the_row_under_the_cursor(tmp_path):
    async with pair_at(shown_changes, tmp_path, size=WIDE) as (pair, pilot):
        ranking = pair.app.query_one("#ranking")
        # What stands outside the layers has neither of their norms.
        await pilot.press(*"jjjjjjjj", "end")
        await until_shown(pilot, "outside the layers · embeddings", "m ranking")
        await pilot.press("v")
        await until_shown(pilot, "outside the layers · norm")
        assert ranking.cells[:2] == (None, "norm")
        await pilot.press("v", "m")
        await until_shown(pilot, "m map", "enter open")
        for _ in range(2):
            await pilot.press("j", "j", "v")
            await until(pilot, lambda: ranking.row_number == 0)
            layer, role, *_ = ranking.cells
            await until_shown(pilot, f"layer {layer} · {role} · ", "enter open")
            assert "no such tensor" not in screen(pair.app)


async def test_a_matrix_is_opened_and_left_and_its_neighbours_are_a_key_away(tmp_path):
    async with pair_at(shown_changes, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("enter")
        first = layer_changes(request_of(pair, 0)).of("query")
        plus, minus = first.directions.ends(0)
        await until_shown(pilot, "layer 0 · query", " ".join(plus), " ".join(minus))
        await until_shown(pilot, "what it reads, by the input embeddings", "~3 ")
        await pilot.press("j", "right_square_bracket", "l", "l", "l")
        await until_shown(pilot, "layer 1 · output", "what it writes, by the output embeddings")
        await pilot.press("h", "left_square_bracket")
        await until_shown(pilot, "layer 0 · value")
        await pilot.press("escape")
        await until_shown(pilot, ALL_THERE, "layer 0 · value")
        # To the right of the last matrix of a layer comes its first.
        await pilot.press("enter", "h", "h", "h")
        await until_shown(pilot, "layer 0 · down")


@pytest.mark.parametrize(
    ("role", "words"),
    [("key", "head 0"), ("down", "all 8 layers are there"), ("up", "categories are there")],
)
async def test_a_matrix_leads_to_what_takes_it_apart_and_escape_comes_back(tmp_path, role, words):
    async with pair_at(shown_changes, tmp_path, size=WIDE) as (pair, pilot):
        await pilot.press("j", "j", *["l"] * MATRICES.index(role), "enter")
        await until_shown(pilot, f"layer 2 · {role}")
        await pilot.press("enter")
        await until_shown(pilot, "layer 2", words)
        assert pair.app.view is not pair.app.query_one(ChangesView)
        await until(pilot, lambda: pair.app.status.state == "idle")
        await pilot.press("escape")
        await until_shown(pilot, f"layer 2 · {role}", "effective rank")


async def test_a_word_is_found_in_all_matrices_and_n_goes_on(tmp_path):
    async with pair_at(shown_changes, tmp_path, size=WIDE) as (pair, pilot):
        layers = [layer_changes(request_of(pair, each)) for each in (*range(LAYERS), OUTSIDE)]
        count = sum(
            "essay" in words
            for layer in layers
            for change in layer.tensors
            if change.directions is not None
            for direction in range(RANK)
            for words in change.directions.ends(direction)
        )
        await pilot.press("slash", *"Essay", "enter")
        await until_shown(pilot, f"“Essay” in {count} directions of {LAYERS + 1} parts")
        await pilot.press("enter")
        await until_shown(pilot, "essay", "effective rank")
        await pilot.press("n")
        await until_shown(pilot, f"2 of {count} directions")
        await pilot.press("right_square_bracket", "escape")
        await until_shown(pilot, f"“Essay” in {count} directions")
        await pilot.press("escape")
        await until_shown(pilot, ALL_THERE, "m ranking")
        await pilot.press("slash", *"zebra", "enter")
        await until_shown(pilot, "“zebra” stands at no direction's end")


async def test_the_export_is_the_table_of_tensors_or_of_directions(tmp_path):
    async with pair_at(shown_changes, tmp_path) as (pair, pilot):
        await pilot.press("e")
        await until_shown(pilot, "Exported to")
        (path,) = tmp_path.glob("changes-*.csv")
        assert tuple(csv_rows(path)[0]) == TENSOR_COLUMNS
        await pilot.press("enter", "e")
        await until(pilot, lambda: len(list(tmp_path.glob("directions-*.csv"))) == 1)
        layers = [layer_changes(request_of(pair, each)) for each in (*range(LAYERS), OUTSIDE)]
    (path,) = tmp_path.glob("directions-*.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        _, *rows = csv.reader(stream)
    expected = directions_table(layers)
    assert rows == [["" if cell is None else str(cell) for cell in row] for row in expected]


async def test_copying_takes_the_map_or_the_matrix(tmp_path):
    async with pair_at(shown_changes, tmp_path) as (_, pilot):
        text = await copied(pilot, "y")
        assert text.splitlines()[2].split("\t")[:3] == ["layer 0", "1.00", "2.00"]
        text = await copied(pilot, "enter", "y")
        assert "layer 0 · query" in text
        assert len([line for line in text.splitlines() if "singular value" in line]) == RANK


async def test_equal_models_are_said_to_be_equal(tmp_path):
    def script(request):
        if isinstance(request, ChangesRequest):
            yield Finished(layer_changes(request, scale=0.0))
            return
        yield from answer(request)

    async with pair_at(shown_changes, tmp_path, script=script) as (_, pilot):
        await until_shown(pilot, "the weights of both models are equal", " 0 ")
        await pilot.press("enter")
        await until_shown(pilot, "nothing changed", "no directions")
        await pilot.press("y", "enter", "escape", KEY)
