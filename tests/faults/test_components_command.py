"""``insttui components`` on a file of instructions: counted once, and refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.neurons.ablation_effects import COLUMNS as ABLATION_COLUMNS
from analysis.neurons.tables import COLUMNS, SUMMARY_COLUMNS
from tests.support.program import Home

pytestmark = pytest.mark.slow

INSTRUCTIONS = (
    ("math", "Please work out 7 * 9.", "7 * 9 = 63"),
    ("math", "Please work out 2 + 3.", "2 + 3 = 5"),
    ("knowledge", "Give the name of the capital of the country: Mexico", "Mexico City"),
    ("knowledge", "What is the capital of France?", "Paris"),
)


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    """A file of four instructions in two categories."""
    path = tmp_path / "own.jsonl"
    lines = (
        {"id": str(number), "category": category, "instruction": prompt, "response": response}
        for number, (category, prompt, response) in enumerate(INSTRUCTIONS)
    )
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return str(path)


def test_every_table_comes_from_the_same_counts(home: Home, prompts: str) -> None:
    rows = home.run("components", "--prompts", prompts)
    assert rows.status == 0, rows.errors
    assert tuple(rows.rows[0]) == COLUMNS
    assert {row["model"] for row in rows.rows} == {"demo-base", "demo-tuned"}
    assert {row["category"] for row in rows.rows} == {"math", "knowledge"}
    assert {row["status"] for row in rows.rows} == {"kept", "lost", "gained"}
    assert "Our reading" in rows.errors

    summary = home.run("components", "--prompts", prompts, "--summary")
    assert tuple(summary.rows[0]) == SUMMARY_COLUMNS
    kept = sum(row["status"] == "kept" and row["model"] == "demo-base" for row in rows.rows)
    assert kept == sum(int(row["kept"]) for row in summary.rows if row["kept"] and not row["layer"])

    fewer = home.run("components", "--prompts", prompts, "--epsilon", "0.7")
    assert 0 < len(fewer.rows) < len(rows.rows)
    assert "70% of its tokens" in fewer.errors


def test_ablation_says_what_was_silenced_and_what_it_did(home: Home, prompts: str) -> None:
    found = home.run("components", "--prompts", prompts, "--ablate", "--random-sets", "2")
    assert found.status == 0, found.errors
    assert tuple(found.rows[0]) == ABLATION_COLUMNS
    assert [(row["category"], row["measured_on"]) for row in found.rows] == [
        (category, measured)
        for category in ("math", "knowledge")
        for measured in ("own", "others", "own - others")
    ]
    assert all(float(row["effect_low"]) <= float(row["effect_high"]) for row in found.rows)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--epsilon", "0.33"), "multiple of 0.05"),
        (("--tau", "1.5"), "at most 1"),
        (("--prompts", "/nowhere/at/all.jsonl"), "cannot be read"),
    ],
    ids=["epsilon", "tau", "prompts"],
)
def test_what_cannot_be_used_is_refused_in_words(
    home: Home, options: tuple[str, str], said: str
) -> None:
    outcome = home.run("components", *options)
    assert outcome.status in (1, 2)
    assert said in outcome.errors
    assert outcome.output == b""
