"""A training run on real models: a step has its pair's rows, and a bad one is told first."""

from __future__ import annotations

import csv
import io
import json
import shutil

import pytest

from analysis.demo.catalog import WEIGHTS
from tests.support.program import Home

pytestmark = pytest.mark.slow

STEPS = (100, 250, 500)
OPTIONS = ("--prompts", "set.jsonl", "--max-new-tokens", "6")
DENSITY = ("study", "density", "--base", "demo-base", *OPTIONS)


def few_prompts(home: Home) -> None:
    lines = [
        {"id": "one", "prompt": "What is the capital of France?", "instruction_spans": ["What"]},
        {"id": "two", "prompt": "Give the opposite of the word.\n\nInput: hot\nOutput:"},
    ]
    (home.work / "set.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))


def without_step(text: bytes, step: int) -> bytes:
    """The rows of a step as the file of that step alone would have them."""
    rows = list(csv.reader(io.StringIO(text.decode(), newline="")))
    assert rows[0][0] == "step"
    lines = text.decode().split("\n")
    kept = [lines[0].removeprefix("step,")]
    kept += [each.removeprefix(f"{step},") for each in lines[1:] if each.startswith(f"{step},")]
    return ("\n".join(kept) + "\n").encode()


# Four engines, each with torch to import.
@pytest.mark.timeout(1200)
def test_the_rows_of_each_step_are_those_of_its_pair_to_the_byte(cold_home: Home) -> None:
    home = cold_home
    few_prompts(home)
    done = home.run(*DENSITY, "--series", "demo-steps", "--out", "run", "--cache-dir", "one")
    assert done.status == 0, done.errors
    assert "step 250 (2 of 3): asking demo-steps/checkpoint-250" in done.errors
    assert list((home.work / "run/density").glob("curve-*.png"))
    for step in STEPS:
        tuned = ("--tuned", f"demo-steps/checkpoint-{step}")
        out = ("--out", f"alone-{step}", "--cache-dir", f"cache-{step}")
        alone = home.run(*DENSITY, *tuned, *out)
        assert alone.status == 0, alone.errors
        files = sorted((home.work / f"alone-{step}/density").glob("*.csv"))
        assert len(files) > 2
        for file in files:
            every = (home.work / "run/density" / file.name).read_bytes()
            assert without_step(every, step) == file.read_bytes(), file.name
        for file in (home.work / f"alone-{step}/cases").iterdir():
            same = home.work / f"run/step-{step}/cases" / file.name
            assert same.read_bytes() == file.read_bytes()


@pytest.mark.timeout(1200)
def test_changes_by_step_are_the_pair_s_rows(cold_home: Home) -> None:
    home = cold_home
    changes = ("changes", "--layers", "2", "--rank", "2", "--base", "demo-base")
    every = home.run(*changes, "--series", "demo-steps", "--out", "report", "--json", "all.json")
    assert every.status == 0, every.errors
    rows = home.run(*changes, "--series", "demo-steps", "--csv", "-").output
    records = json.loads((home.work / "all.json").read_text())
    for step, record in zip(STEPS, records, strict=True):
        alone = home.run(
            *changes, "--tuned", f"demo-steps/checkpoint-{step}", "--cache-dir", f"cache-{step}"
        )
        assert without_step(rows, step) == alone.output
        assert record["step"] == step
        assert record["layers"][0]["tuned"] == f"demo-steps/checkpoint-{step}"
    assert (home.work / "report/changes/curve-roles-relative-change.svg").exists()


def test_an_incomplete_checkpoint_is_told_before_any_answer(cold_home: Home) -> None:
    home = cold_home
    few_prompts(home)
    run = home.work / "run"
    shutil.copytree(WEIGHTS / "demo-steps", run)
    (run / "checkpoint-500/adapter_model.safetensors").unlink()
    done = home.run(*DENSITY, "--series", "run")
    assert done.status == 1, done.errors
    assert "checkpoint-500 is incomplete" in done.errors
    assert "asking" not in done.errors
    assert home.processes() == []
