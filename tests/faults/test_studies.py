"""Studies that are killed, stopped, shared or given bad files: the same tables, or clear words."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.saliency.cases.library import CaseLibrary
from tests.support.program import Home, Outcome, outcome, wait_until

pytestmark = pytest.mark.slow

KILLS = 3
PROMPTS = [
    {"id": "one", "prompt": "Write a word.", "instruction_spans": ["Write"], "rating": 3},
    {"id": "two", "prompt": "Name a letter.\nInput: x", "rating": 1},
    {"id": "long", "prompt": "never " * 200},
    {"id": "three", "prompt": "Say yes or no to this, please."},
    {"id": "four", "prompt": "What is it?"},
]
# By name they would be the other way round.
PAIR = ("--base", "small", "--tuned", "plain")
OPTIONS = ("--prompts", "set.jsonl", "--max-new-tokens", "6", "--response", "own")
DENSITY = ("study", "density", *PAIR, *OPTIONS)


@pytest.fixture
def home(home: Home) -> Home:
    """A home with a set of prompts, one of which is too long for any model there."""
    lines = "".join(json.dumps(each) + "\n" for each in PROMPTS)
    (home.work / "set.jsonl").write_text(lines)
    return home


def kill_somewhere(home: Home, seconds: float, *arguments: str) -> bool:
    """Start a command and kill it; whether it had not ended by itself."""
    process = home.start(*arguments)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    wait_until(lambda: not home.processes(), "the end of every process")
    return process.returncode == -signal.SIGKILL


def tables(folder: Path) -> dict[str, bytes]:
    """The CSV files of a study's report by name."""
    found = {path.name: path.read_bytes() for path in folder.glob("density/*.csv")}
    assert found
    return found


# Up to five runs, each with an engine to start.
@pytest.mark.timeout(1200)
def test_killed_at_random_moments_it_ends_with_the_tables_of_an_undisturbed_run(
    home: Home,
) -> None:
    begun = time.monotonic()
    calm = home.run(*DENSITY, "--out", "calm", "--cache-dir", "calm-cache")
    took = time.monotonic() - begun
    assert calm.status == 0, calm.errors
    moments = random.Random(6)
    for part in range(KILLS):
        seconds = (part + moments.random()) / KILLS * took
        kill_somewhere(home, seconds, *DENSITY, "--out", "killed")
    done = home.run(*DENSITY, "--out", "killed")
    assert done.status == 0, done.errors
    assert done.output == calm.output
    assert tables(home.work / "killed") == tables(home.work / "calm")
    assert (home.work / "killed/cases/cases.jsonl").read_bytes() == (
        home.work / "calm/cases/cases.jsonl"
    ).read_bytes()
    assert sorted(path.name for path in (home.work / "killed").iterdir()) == ["cases", "density"]
    assert "Case long was left out." in done.output.decode()


def test_after_ctrl_c_it_says_that_it_goes_on_and_does(home: Home) -> None:
    # Enough is left to be asked that it cannot end before it is stopped.
    more = [{"id": f"more {n}", "prompt": f"Write the number {n}."} for n in range(6)]
    with (home.work / "set.jsonl").open("a") as file:
        file.writelines(json.dumps(each) + "\n" for each in more)
    density = ("study", "density", "--base", "small", "--tuned", "tireless", *OPTIONS)
    process = home.start(*density)
    assert process.stderr is not None
    read_until(iter(process.stderr.readline, b""), b"asking tireless")
    process.send_signal(signal.SIGINT)
    stopped = outcome(process)
    assert stopped.status == 130
    assert "Stopped. The same command goes on from here." in stopped.errors
    assert "Traceback" not in stopped.errors
    # The base model's answers are kept.
    assert int(home.run("cache", "info").output.split(b"results")[1].split()[0]) >= 4
    done = home.run(*density, "--csv", "-")
    assert done.status == 0, done.errors
    assert len(done.rows) == 2


def read_until(lines: Iterator[bytes], wanted: bytes) -> None:
    """Read lines up to one that has the words in it."""
    assert any(wanted in line for line in lines)


def test_two_processes_share_one_cache_and_one_folder(home: Home) -> None:
    both = [home.start(*DENSITY, "--out", "shared") for _ in range(2)]
    first, second = (outcome(each) for each in both)
    assert (first.status, second.status) == (0, 0), first.errors + second.errors
    assert first.output == second.output
    # Two answers for each of four prompts, and what was found.
    assert b"results  9\n" in home.run("cache", "info").output
    assert len(CaseLibrary.open(home.work / "shared").cases) == 4
    assert sorted(path.name for path in (home.work / "shared").iterdir()) == ["cases", "density"]


def test_its_folder_opens_without_models_and_knows_the_base(home: Home) -> None:
    made = home.run(*DENSITY, "--out", "made", "--csv", "-")
    assert made.status == 0, made.errors
    home.forbid_torch()
    (home.work / "made").rename(home.work / "moved")
    again = home.run("study", "density", "--results", "moved", "--csv", "-")
    assert again.output == made.output
    assert [(row["group"], row["other_group"]) for row in again.rows if row["table"] == "2"] == [
        ("plain", "small")
    ]
    with home.terminal("--results", "moved") as terminal:
        terminal.wait_for_screen("4 of 4 cases", "Name a letter.")
        terminal.end()


def test_models_that_cut_prompts_differently_leave_a_library_each(home: Home) -> None:
    study = ("study", "position", "--base", "small", "--tuned", "cut", "--prompts", "set.jsonl")
    made = home.run(*study, "--max-new-tokens", "2", "--out", "made")
    assert made.status == 0, made.errors
    assert b"two case libraries, cases-base and cases-tuned" in made.output
    for side, name in (("base", "small"), ("tuned", "cut")):
        assert CaseLibrary.open(home.work / f"made/cases-{side}").models == (name,)


def test_a_bad_line_is_named_and_refused_or_skipped(home: Home) -> None:
    with (home.work / "set.jsonl").open("a") as file:
        file.write("not JSON\n")
    refused = home.run(*DENSITY)
    assert refused.status == 2
    assert "Line 6: it is no JSON" in refused.errors
    assert home.processes() == []
    skipped = home.run(*DENSITY, "--bad-lines", "skip", "--csv", "-")
    assert skipped.status == 0, skipped.errors
    assert "skipped line 6: it is no JSON" in skipped.errors
    assert len(skipped.rows) == 2


def test_without_prompts_or_with_too_much_it_says_what_to_give(home: Home) -> None:
    def said(*arguments: str) -> str:
        failed: Outcome = home.run("study", *arguments)
        assert failed.status == 2, failed.errors
        return failed.errors

    assert "--prompts" in said("density", *PAIR)
    assert "--tuned is missing" in said("density", "--base", "small")
    assert "in place of" in said("density", *PAIR, "--results", "made")
