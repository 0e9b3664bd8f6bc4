"""The Cases view, driven by keys, on a small library and on the published one."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from analysis.saliency.cases.library import CaseLibrary
from app.cli import main
from app.views.cases.view import CasesView
from app.widgets.table_list import TableList
from tests.app.pair_app import copied, csv_rows, library_app, screen, until, until_shown
from tests.support.case_folders import PUBLISHED, needs_published_maps, write_small_library


@pytest.fixture
def small(tmp_path):
    with library_app(tmp_path) as app:
        yield app


@pytest.fixture
def published(tmp_path):
    with library_app(tmp_path, PUBLISHED) as app:
        yield app


def listed(app):
    view = app.query_one(CasesView)
    return [view._listed[number].id for number in app.query_one("#list", TableList).shown]


async def test_the_list_shows_what_the_library_says(small):
    async with small.run_test(size=(100, 24)) as pilot:
        shown = await until_shown(pilot, "2 of 2 cases", "one", "two")
        assert "engine" not in shown
        await until(pilot, lambda: "so far" not in screen(small))
        scores = dict(small.workspace.library.instruction_scores())
        row = next(line for line in screen(small).splitlines() if line.startswith(" one"))
        base, tuned = scores["one"]
        numbers = [f"{base:.2f}", f"{tuned:.2f}", f"{tuned - base:+.2f}"]
        assert row.split()[1:6] == ["letters", "3", *numbers]


async def test_the_copied_command_writes_the_scores_of_every_case(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with small.run_test(size=(100, 24)) as pilot:
        await until_shown(pilot, "2 of 2 cases", "○ base", "● tuned")
        words = shlex.split(await copied(pilot, "Y"))
    assert words[:3] == ["insttui", "study", "density"]
    assert main(words[1:]) == 0
    rows = csv_rows(tmp_path / "study/density/cases.csv")
    written = {(row["case"], row["model"]): float(row["score"]) for row in rows}
    models = small.workspace.library.models
    for case, scores in CaseLibrary.open(tmp_path / "library").instruction_scores():
        for model, score in zip(models, scores, strict=True):
            assert written[case, model] == pytest.approx(score)


async def test_a_case_opens_and_brackets_walk_the_list(small):
    async with small.run_test(size=(140, 30)) as pilot:
        await until_shown(pilot, "2 of 2 cases")
        await pilot.press("enter")
        await until_shown(pilot, "apt · one", "plain · one, rated 3", "instruction score")
        await pilot.press("right_square_bracket")
        await until_shown(pilot, "apt · two")
        await pilot.press("right_square_bracket", "left_square_bracket")
        await until_shown(pilot, "apt · one")
        await pilot.press("escape")
        await until_shown(pilot, "2 of 2 cases")


async def test_plus_and_minus_rate_in_the_list_and_beside_the_map_and_the_folder_keeps_it(small):
    library = small.workspace.library
    async with small.run_test(size=(140, 30)) as pilot:
        await until_shown(pilot, "2 of 2 cases")
        # The list rates the tuned model, which is the rated one.
        await pilot.press("plus", "plus")
        await until(pilot, lambda: library.rating("one", "plain") == 4)
        await pilot.press("enter")
        await until_shown(pilot, "apt · one", "plain · one, rated 4", "instruction score")
        await pilot.press("minus")
        await pilot.press("plus")
        await until_shown(pilot, "apt · one, rated 1")
        await pilot.press("s", "minus", "escape")
        await until_shown(pilot, "2 of 2 cases")
        row = next(line for line in screen(small).splitlines() if line.startswith(" one"))
        assert row.split()[2] == "3"
    assert CaseLibrary.open(library.folder).case("one").ratings == (1.0, 3.0)


async def test_filters_and_search(small):
    async with small.run_test(size=(100, 24)) as pilot:
        await until_shown(pilot, "2 of 2 cases")
        await pilot.press("f")
        assert listed(small) == ["one"]
        await pilot.press("f")
        assert listed(small) == ["two"]
        await pilot.press("f", "r")
        assert listed(small) == ["one"]
        await pilot.press("escape", "slash", *"DRAW", "enter")
        await until_shown(pilot, "1 of 2 cases")
        assert listed(small) == ["two"]
        await pilot.press("f")
        await until_shown(pilot, "no row has these words")
        await pilot.press("enter", "escape", "escape")
        await pilot.pause()
        assert listed(small) == ["one", "two"]


@needs_published_maps
async def test_the_published_cases_sort_by_each_score_and_the_cursor_stays_in_sight(published):
    async with published.run_test(size=(120, 30)) as pilot:
        await until_shown(pilot, "632 of 632 cases")
        await until(pilot, lambda: "so far" not in screen(published), seconds=20)
        scores = dict(published.workspace.library.instruction_scores())
        # Past id, dataset and rating.
        await pilot.press("o", "o", "o")
        for rank in (
            lambda found: found[0],
            lambda found: found[1],
            lambda found: found[1] - found[0],
        ):
            await pilot.press("o")
            await pilot.pause()
            values = [rank(scores[case_id]) for case_id in listed(published)]
            assert values == sorted(values, reverse=True)
            await pilot.press("O")
            await pilot.pause()
            values = [rank(scores[case_id]) for case_id in listed(published)]
            assert values == sorted(values)
        assert len(values) == 632
        await pilot.resize_terminal(80, 24)
        items = published.query_one("#list", TableList)
        await pilot.press("end")
        await pilot.pause()
        assert listed(published)[-1] in screen(published)
        assert items.cursor == 631
        await pilot.press("home", "pagedown", "k")
        await pilot.pause()
        assert listed(published)[items.cursor] in screen(published)


@needs_published_maps
async def test_published_datasets_and_ratings_filter_to_their_sizes(published):
    sizes = []
    async with published.run_test(size=(120, 30)) as pilot:
        await until_shown(pilot, "632 of 632 cases")
        for _ in range(3):
            await pilot.press("f")
            sizes.append(len(listed(published)))
        await pilot.press("f", "r")
        followed = len(listed(published))
        await pilot.press("r")
        unfollowed = len(listed(published))
    assert sizes == [252, 300, 80]
    assert (followed, unfollowed) == (516, 113)


async def test_the_list_exports_as_csv(small, tmp_path):
    async with small.run_test(size=(100, 24), notifications=True) as pilot:
        await until_shown(pilot, "2 of 2 cases")
        await until(pilot, lambda: "so far" not in screen(small))
        await pilot.press("e")
        await until_shown(pilot, "Exported to")
    rows = csv_rows(tmp_path / "cases-library.csv")
    assert [row["prompt"] for row in rows] == [c.prompt for c in small.workspace.library.cases]
    scores = dict(small.workspace.library.instruction_scores())
    assert float(rows[0]["instruction_score_plain"]) == scores["one"][1]


async def test_one_model_alone_is_shown_alone(tmp_path):
    one = write_small_library(tmp_path / "library", models=("apt",))
    with library_app(tmp_path, one) as app:
        async with app.run_test(size=(140, 30)) as pilot:
            await until_shown(pilot, "2 of 2 cases")
            await pilot.press("o", "o", "o", "enter")
            await until_shown(pilot, "instruction score")
            await pilot.press("j", "l", "s", "d", "t", "v")


async def test_a_damaged_map_is_said_where_it_would_be(small, tmp_path):
    async with small.run_test(size=(140, 30), notifications=True) as pilot:
        await until_shown(pilot, "2 of 2 cases")
        path = tmp_path / "library" / "salience_plain.npz"
        path.write_bytes(b"x" * path.stat().st_size)
        await pilot.press("enter")
        await until(pilot, lambda: "cannot be read" in screen(small) or "broken" in screen(small))


def test_browsing_stored_cases_imports_nothing_of_models(tmp_path):
    write_small_library(tmp_path / "library")
    code = (
        "import sys, asyncio\n"
        "from pathlib import Path\n"
        "from analysis.saliency.cases.library import CaseLibrary\n"
        "from app.config import Settings\n"
        "from app.main import InsttuiApp\n"
        "from app.workspace import LibraryWorkspace\n"
        "folder = Path(sys.argv[1])\n"
        "workspace = LibraryWorkspace(CaseLibrary.open(folder / 'library'))\n"
        "app = InsttuiApp(workspace, Settings(), state_path=folder / 's.json')\n"
        "async def main():\n"
        "    async with app.run_test() as pilot:\n"
        "        await pilot.pause(0.3)\n"
        "        await pilot.press('enter')\n"
        "        await pilot.pause(0.3)\n"
        "asyncio.run(main())\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    heavy = {"torch", "transformers", "sklearn", "scipy", "huggingface_hub", "openai", "jinja2"}
    assert not loaded & heavy
