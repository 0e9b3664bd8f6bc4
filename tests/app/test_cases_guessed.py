"""The Cases view says where nobody marked the instructions of a case."""

from __future__ import annotations

import pytest

from tests.app.pair_app import csv_rows, library_app, screen, until_shown
from tests.support import case_folders
from tests.support.case_folders import CASES, RESPONSES, write_lines, write_small_library


@pytest.fixture
def guessed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write_small_library(tmp_path / "library")
    write_lines(folder / "cases.jsonl", [CASES[0], {**CASES[1], "instruction_guessed": True}])
    with library_app(tmp_path, folder) as app:
        yield app


async def test_guessed_instructions_are_marked_explained_and_exported(guessed, tmp_path):
    async with guessed.run_test(size=(100, 40), notifications=True) as pilot:
        await until_shown(pilot, "2 of 2 cases", "~ instructions of 1 guessed")
        marked = [line for line in screen(guessed).splitlines() if line.startswith(" ~")]
        assert [line.split()[0] for line in marked] == ["~two"]
        await pilot.press("e")
        await until_shown(pilot, "Exported to")
        await pilot.press("question_mark")
        await until_shown(pilot, "nobody marked its instructions")
    rows = csv_rows(tmp_path / "cases-library.csv")
    assert [row["instructions"] for row in rows] == ["marked", "guessed"]


async def test_nothing_is_said_of_guesses_where_all_were_marked(tmp_path):
    with library_app(tmp_path) as app:
        async with app.run_test(size=(100, 24)) as pilot:
            shown = await until_shown(pilot, "2 of 2 cases")
            assert "guessed" not in shown
            assert "~" not in shown


async def test_an_id_as_long_as_the_demos_is_whole_on_a_narrow_screen(tmp_path, monkeypatch):
    long = "phrasing/french-english/01"
    renamed = {
        model: {long: pieces["one"], "two": pieces["two"]} for model, pieces in RESPONSES.items()
    }
    monkeypatch.setattr(case_folders, "CASES", [{**CASES[0], "id": long}, CASES[1]])
    monkeypatch.setattr(case_folders, "RESPONSES", renamed)
    with library_app(tmp_path) as app:
        async with app.run_test(size=(80, 24)) as pilot:
            await until_shown(pilot, "2 of 2 cases", f" {long}  letters", "Draw é")
