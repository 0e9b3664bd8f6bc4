"""A study on several engines or machines: the same tables, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from tests.support.children import tiny_disk
from tests.support.deadly_model import write_deadly
from tests.support.program import Home, children, outcome

pytestmark = pytest.mark.slow

WORDS = "cold warm high low near far old new"
PROMPTS = [
    {"id": f"p{number}", "prompt": f"Write {number} words: {word}", "instruction_spans": ["Write"]}
    for number, word in enumerate(WORDS.split())
]
STUDY = ("study", "density", "--base", "small", "--tuned", "plain", "--prompts", "set.jsonl")
OPTIONS = ("--max-new-tokens", "5", "--threads", "1")


@pytest.fixture
def home(cold_home: Home) -> Home:
    """A home with a set of prompts, whose engines may get an environment of their own."""
    write_prompts(cold_home, PROMPTS)
    return cold_home


def write_prompts(home: Home, prompts: list[dict[str, object]]) -> None:
    (home.work / "set.jsonl").write_text("".join(json.dumps(each) + "\n" for each in prompts))


def tables(folder: Path) -> dict[str, bytes]:
    """All CSV files of a report by name."""
    found = {path.name: path.read_bytes() for path in folder.rglob("*.csv")}
    assert found
    return found


def test_two_workers_and_three_shards_make_the_tables_of_one_process(home: Home) -> None:
    # Shards are on many machines: their cache is a folder of plain files.
    address = f"file://{home.work}/shared"

    def study(name: str, *more: str) -> tuple[str, ...]:
        cache = address if name.startswith("shard") else name
        return (*STUDY, *OPTIONS, "--cache-dir", cache, "--out", name, *more)

    assert home.run(*study("one")).status == 0
    alone = tables(home.work / "one")
    assert home.run(*study("two", "--workers", "2")).status == 0
    assert tables(home.work / "two") == alone
    shards = [home.start(*study(f"shard{i}", "--shard", f"{i}/3")) for i in (1, 2, 3)]
    for number, process in enumerate(shards, start=1):
        assert outcome(process).status == 0
        assert tables(home.work / f"shard{number}") == alone
    listed = json.loads(home.run("cache", "list", "--cache-dir", address, "--json").output)
    assert {row["model"] for row in listed} >= {"small", "plain"}


def test_a_killed_worker_costs_the_case_in_work(home: Home) -> None:
    assert home.run(*STUDY, *OPTIONS, "--cache-dir", "one", "--out", "one").status == 0
    process = home.start(*STUDY, *OPTIONS, "--cache-dir", "two", "--out", "two", "--workers", "2")
    killed: set[int] = set()
    while process.poll() is None:
        for engine in set(children(process.pid)) - killed:
            # Each of the first ones is killed a moment after it appeared.
            if len(killed) < 3:
                time.sleep(1)
                os.kill(engine, signal.SIGKILL)
                killed.add(engine)
        time.sleep(0.2)
    assert outcome(process).status == 0
    assert len(killed) == 3
    assert tables(home.work / "two") == tables(home.work / "one")


def test_a_prompt_that_kills_every_engine_is_set_aside_and_the_rest_goes_on(
    home: Home, models: Path, tmp_path: Path
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(models / "small")
    deadly = tokenizer(" warm", add_special_tokens=False).input_ids
    write_deadly(tmp_path / "deadly", models / "small", deadly)
    home.name_models(small=models / "small", plain=tmp_path / "deadly")
    done = home.run(*STUDY, *OPTIONS, "--trust-remote-code", "--workers", "2", "--out", "made")
    assert done.status == 0, done.errors
    report = (home.work / "made" / "density" / "report.md").read_text()
    assert "3 engines died of it" in report
    assert "SIGKILL" in report
    cases = tables(home.work / "made")["cases.csv"].decode()
    assert "p1" not in cases
    assert "p0" in cases
    assert "p7" in cases


def test_on_a_full_disk_the_tables_are_made_and_it_is_said_that_nothing_was_kept(
    home: Home,
) -> None:
    folder = home.folder / "disk"
    folder.mkdir()
    within = tiny_disk(folder, kilobytes=60)
    if within is None:
        pytest.skip("this user cannot mount a small disk here")
    assert home.run(*STUDY, *OPTIONS, "--cache-dir", "one", "--out", "one").status == 0
    two = ("--workers", "2", "--cache-dir", str(folder), "--out", "two")
    full = home.run(*STUDY, *OPTIONS, *two, within=within)
    assert full.status == 0, full.errors
    report = (home.work / "two" / "density" / "report.md").read_text()
    assert "The answers could not be kept" in report
    assert tables(home.work / "two") == tables(home.work / "one")


def test_what_cannot_be_shared_is_refused(home: Home) -> None:
    without = home.run(*STUDY, *OPTIONS, "--workers", "2", "--cache-dir", "set.jsonl")
    assert without.status == 1
    assert "cannot be shared without a cache" in without.errors
    for wrong in ("0/2", "3/2", "half"):
        refused = home.run(*STUDY, *OPTIONS, "--shard", wrong)
        assert refused.status == 2
        assert "must be a part out of how many" in refused.errors


def test_ray_that_is_not_installed_says_what_to_install(home: Home) -> None:
    absent = home.folder / "absent" / "ray"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text("raise ImportError('it is not here')")
    path = {"PYTHONPATH": str(absent.parent)}
    refused = home.run(*STUDY, *OPTIONS, "--ray", "auto", environment=path)
    assert refused.status == 2
    assert "Ray is not installed." in refused.errors
    assert "pip install 'insttui[ray]'" in refused.errors
