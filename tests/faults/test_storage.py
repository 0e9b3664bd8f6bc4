"""Stored results that are damaged, disks that take no more, and several programs on one cache."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.children import read_only_disk, tiny_disk
from tests.support.program import PATIENCE_S, Home, Outcome, children, outcome

PROMPT = "Hello world, how are you today? I hope you are doing well. " * 2
ASK = ("attribute", "--model", "small", "--prompt")


@pytest.fixture(scope="module")
def answered(
    models: Path, program: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Outcome]:
    """A cache with the answer to `PROMPT`, and that answer."""
    home = Home(tmp_path_factory.mktemp("answered") / "home", program)
    home.name_models(small=models / "small")
    cache = home.folder / "kept"
    # What the app asks for: both gradients of the response.
    both = home.run(*ASK, PROMPT, "--compare", "frozen-norms", "--cache-dir", cache)
    assert (both.status, both.errors) == (0, "")
    answer = home.run(*ASK, PROMPT, "--cache-dir", cache)
    assert (answer.status, answer.errors) == (0, "")
    assert answer.rows
    return cache, answer


@pytest.fixture
def kept(home: Home, answered: tuple[Path, Outcome]) -> Path:
    """That cache, to be changed at will."""
    shutil.copytree(answered[0], home.folder / "kept")
    return home.folder / "kept"


@pytest.mark.slow
def test_a_stored_answer_needs_no_engine_in_another_process(
    home: Home, kept: Path, answered: tuple[Path, Outcome]
) -> None:
    home.forbid_torch()
    assert home.run(*ASK, PROMPT, "--cache-dir", kept) == answered[1]
    other = home.run(*ASK, "another prompt", "--cache-dir", kept)
    assert other.status == 1
    assert "The engine process died. It ended with status 1. ImportError: torch is forb" in (
        other.errors
    )


@pytest.mark.slow
def test_a_stored_answer_is_on_screen_without_an_engine(home: Home, kept: Path) -> None:
    home.forbid_torch()
    home.write_draft(PROMPT)
    with home.terminal("--base", "small", "--tuned", "small", "--cache-dir", str(kept)) as terminal:
        terminal.wait_for_screen(PROMPT[:30], "engine off")
        terminal.write("\x12")
        terminal.wait_for_screen("cut at the limit, stored", "engine off")
        assert children(terminal.pid) == []
        terminal.end()


@pytest.mark.slow
def test_the_app_says_that_a_damaged_answer_is_computed_anew(home: Home, kept: Path) -> None:
    damage_answers(kept)
    home.write_draft(PROMPT)
    with home.terminal("--base", "small", "--tuned", "small", "--cache-dir", str(kept)) as terminal:
        terminal.wait_for_screen(PROMPT[:30], "engine ")
        terminal.write("\x12")
        terminal.wait_for_screen("The stored result was damaged; computing it again.")
        terminal.wait_for_screen("cut at the limit ", "cut at the limit, stored")
        terminal.end()


@pytest.mark.slow
def test_a_cache_that_is_no_database_any_more_is_replaced_and_said(
    home: Home, kept: Path, answered: tuple[Path, Outcome]
) -> None:
    for file in kept.glob("cache.db*"):
        file.write_bytes(b"no database " * 10_000)
    mended = home.run(*ASK, PROMPT, "--cache-dir", kept)
    assert (mended.status, mended.output) == (0, answered[1].output)
    assert mended.errors.startswith("insttui: ")
    assert "damaged" in mended.errors
    home.forbid_torch()
    assert home.run(*ASK, PROMPT, "--cache-dir", kept) == answered[1]


@pytest.mark.slow
def test_on_a_full_disk_the_result_is_shown_and_said_not_to_be_kept(
    home: Home, answered: tuple[Path, Outcome]
) -> None:
    folder = home.folder / "disk"
    folder.mkdir()
    within = tiny_disk(folder, kilobytes=400)
    if within is None:
        pytest.skip("this user cannot mount a small disk here")
    fill = f"{home.program} cache info --cache-dir {folder}; cat /dev/zero > {folder}/fill"
    filled = (*within, "sh", "-c", f'{{ {fill}; }} > /dev/null; exec "$@"', "sh")
    full = home.run(*ASK, PROMPT, "--cache-dir", folder, within=filled)
    assert (full.status, full.output) == (0, answered[1].output)
    assert (
        "insttui: The result is shown but could not be saved. The disk is full. Free some space or "
        "choose another folder with --cache-dir.\n"
    ) in full.errors


@pytest.mark.slow
def test_on_a_read_only_disk_the_app_shows_the_result_and_says_that_it_is_not_kept(
    home: Home, kept: Path
) -> None:
    within = read_only_disk(kept)
    if within is None:
        pytest.skip("this user cannot mount a read-only disk here")
    home.write_draft("Hello world")
    pair = ("--base", "small", "--tuned", "small")
    with home.terminal(*pair, "--cache-dir", str(kept), within=within) as terminal:
        terminal.wait_for_screen("Hello world", "engine ")
        terminal.write("\x12")
        terminal.wait_for_screen("could not be saved.", "read-only", "cut at the limit")
        assert terminal.end() == 0


@pytest.mark.slow
def test_where_no_cache_can_be_the_result_is_shown_and_that_is_said(
    home: Home, answered: tuple[Path, Outcome]
) -> None:
    (home.work / "file").write_text("")
    shown = home.run(*ASK, PROMPT, "--cache-dir", "file/cache")
    assert (shown.status, shown.output) == (0, answered[1].output)
    assert shown.errors.startswith("insttui: Results will not be kept: ")
    assert shown.errors.count("\n") == 1


@pytest.mark.slow
def test_two_programs_fill_one_new_cache_at_the_same_time(
    home: Home, answered: tuple[Path, Outcome]
) -> None:
    cache = home.folder / "new"
    both = [home.start(*ASK, PROMPT, "--cache-dir", cache) for _ in range(2)]
    assert [outcome(each) for each in both] == [answered[1]] * 2
    home.forbid_torch()
    assert home.run(*ASK, PROMPT, "--cache-dir", cache) == answered[1]
    assert b"results  1\n" in home.run("cache", "info", "--cache-dir", cache).output


@pytest.mark.slow
def test_a_reader_who_has_seen_enough_is_no_error(home: Home, kept: Path) -> None:
    home.forbid_torch()
    process = home.start(*ASK, PROMPT, "--cache-dir", kept)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(PATIENCE_S) == 0
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == b""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("by_name", [True, False])
def test_rows_that_cannot_be_written_are_an_error_in_words(
    by_name: bool, home: Home, kept: Path
) -> None:
    home.forbid_torch()
    where = ("--csv", "/dev/full") if by_name else ("--csv", "-")
    within = () if by_name else ("sh", "-c", 'exec "$@" > /dev/full', "sh")
    failed = home.run(*ASK, PROMPT, "--cache-dir", kept, *where, within=within)
    assert failed.status == 1
    target = "/dev/full" if by_name else "Standard output"
    assert failed.errors.startswith(
        f"insttui: {target} cannot be written. No space left on device."
    )
    assert failed.errors.count("\n") == 1


def damage_answers(cache: Path) -> None:
    """Change bytes in the middle of everything stored, in its files and in its database."""
    for file in cache.rglob("*.val"):
        file.write_bytes(bytes(file.stat().st_size))
    with closing(sqlite3.connect(cache / "cache.db")) as connection, connection:
        for row, value in connection.execute("SELECT rowid, value FROM Cache").fetchall():
            if isinstance(value, bytes):
                half = len(value) // 2
                damaged = value[:half] + b"\xff\x00\xff" + value[half + 3 :]
                connection.execute("UPDATE Cache SET value = ? WHERE rowid = ?", (damaged, row))
