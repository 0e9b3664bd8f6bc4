"""Studies on a folder that machines share: two at once, a full one, one that disappears."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.children import tiny_disk
from tests.support.program import PATIENCE_S, Home, Outcome, outcome, wait_until

pytestmark = pytest.mark.slow

PROMPTS = [f"Write the number {number}." for number in range(4)]
STUDY = (
    *("study", "density", "--base", "small", "--tuned", "plain", "--prompts", "set.jsonl"),
    *("--max-new-tokens", "6", "--response", "own", "--csv", "-"),
)
UNSAVED = "The result is shown but could not be saved. "


@pytest.fixture
def home(home: Home) -> Home:
    """A home with a set of prompts."""
    lines = [json.dumps({"id": str(id_), "prompt": each}) for id_, each in enumerate(PROMPTS)]
    (home.work / "set.jsonl").write_text("\n".join(lines))
    return home


def calm(home: Home) -> Outcome:
    """The study as it is where nothing happens."""
    done = home.run(*STUDY, "--cache-dir", "calm")
    assert done.status == 0, done.errors
    return done


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_two_studies_at_once_give_the_same_and_store_it_once(home: Home) -> None:
    place = f"file://{home.folder}/shared"
    both = [home.start(*STUDY, "--cache-dir", place) for _ in range(2)]
    first, second = (outcome(each) for each in both)
    assert (first.status, second.status) == (0, 0), first.errors + second.errors
    assert first.output == second.output == calm(home).output
    # Two answers for each of four prompts, and what was found.
    assert len(stored(home.folder / "shared")) == 9
    home.forbid_torch()
    # Once it is shared, it needs no address.
    assert home.run(*STUDY, "--cache-dir", home.folder / "shared").output == first.output


def test_a_folder_that_disappears_is_told_at_once_and_the_study_ends_all_the_same(
    home: Home,
) -> None:
    folder = home.folder / "shared"
    process = home.start(*STUDY, "--cache-dir", f"file://{folder}")
    wait_until(lambda: len(stored(folder)) > 0, "the first answer")
    shutil.rmtree(folder)
    output, errors = (each.decode() for each in process.communicate(timeout=PATIENCE_S))
    assert process.returncode == 0, errors
    gone = "The cache is not there any more: it was removed or unmounted."
    assert f"{UNSAVED}{gone} Mount it or make it again; the same command then goes on" in errors
    # It is said before the end, and again among the notes there.
    assert errors.count(f"{UNSAVED}{gone}") == 2
    assert not folder.exists()
    assert output.encode() == calm(home).output
    again = home.run(*STUDY, "--cache-dir", f"file://{folder}")
    assert (again.status, again.output) == (0, output.encode())
    assert UNSAVED not in again.errors
    assert len(stored(folder)) == 9


def test_on_a_full_folder_the_study_ends_and_says_what_was_not_saved(home: Home) -> None:
    folder = home.folder / "disk"
    folder.mkdir()
    within = tiny_disk(folder, kilobytes=64)
    if within is None:
        pytest.skip("this user cannot mount a small disk here")
    place = f"file://{folder}"
    fill = f"{home.program} cache info --cache-dir {place}; cat /dev/zero > {folder}/fill"
    filled = (*within, "sh", "-c", f'{{ {fill}; }} > /dev/null 2>&1; exec "$@"', "sh")
    full = home.run(*STUDY, "--cache-dir", place, within=filled)
    assert (full.status, full.output) == (0, calm(home).output)
    assert f"{UNSAVED}The disk is full. Free some space" in full.errors
