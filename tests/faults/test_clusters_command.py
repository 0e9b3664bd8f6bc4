"""``insttui clusters`` with one's own tasks: tables, the cache, files that cannot be used."""

from __future__ import annotations

import pytest

from tests.support.program import Home

pytestmark = pytest.mark.slow

TASKS = """
[[task]]
name = "capital"
phrasings = ["Name the capital.", "Which city is the capital?", "Capital:"]
mappings = [["France", "Paris"], ["Italy", "Rome"], ["Italy", "Rome"]]

[[task]]
name = "opposite"
phrasings = ["Give the opposite.", "Say the contrary.", "Opposite:"]
mappings = [["big", "small"], ["hot", "cold"], ["in", "Ouagadougou"]]
"""


def test_tasks_are_clustered_once_and_written_in_several_tables(home: Home) -> None:
    (home.work / "tasks.toml").write_text(TASKS)
    first = home.run("clusters", "--tasks", "tasks.toml")
    assert first.status == 0, first.errors
    assert list(first.rows[0]) == ["model", "layer", "label", "f1", "pair_f1", "ari", "ami"]
    assert len(first.rows) == 2 * 9 * 3
    assert "capital: 1 mapping left out" in first.errors
    assert "Outputs of several tokens" in first.errors
    assert "Ouagadougou (opposite)" in first.errors
    summary = home.run("clusters", "--tasks", "tasks.toml", "--summary")
    assert [row["model"] for row in summary.rows] == ["demo-base", "demo-tuned"]
    best = max(float(row["f1"]) for row in first.rows[:27] if row["label"] == "task")
    assert float(summary.rows[0]["task_f1"]) == best
    instances = home.run("clusters", "--tasks", "tasks.toml", "--instances", "--layers", "0,8")
    assert len(instances.rows) == 2 * 2 * 3 * 5
    assert {row["layer"] for row in instances.rows} == {"0", "8"}
    several = {row["output"] for row in instances.rows if row["one_token"] == "False"}
    assert several == {"Ouagadougou"}


def test_tasks_that_cannot_be_used_are_said(home: Home) -> None:
    (home.work / "tasks.toml").write_text("")
    outcome = home.run("clusters", "--tasks", "tasks.toml")
    assert outcome.status == 2
    assert "cannot be used as tasks" in outcome.errors
    assert not outcome.output
    assert "Traceback" not in outcome.errors


def test_options_that_make_no_sense_are_refused(home: Home) -> None:
    for options in (["--k", "0"], ["--seed", "-1"], ["--summary", "--instances"]):
        assert home.run("clusters", *options).status == 2
