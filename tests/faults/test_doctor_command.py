"""``insttui doctor`` as a program: what it finds of a pair, and the exit status that says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.program import Home

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("tuned", "status", "found"),
    [
        ("small", 1, {"weights differ"}),
        ("cut", 1, {"tokenizer", "template"}),
        ("diverged", 2, {"trial"}),
        ("short", 2, {"files"}),
    ],
)
def test_the_exit_status_says_how_a_pair_is(home: Home, models: Path, tuned, status, found):
    pair = ["--base", str(models / "small"), "--tuned", str(models / tuned)]
    ended = home.run("doctor", *pair, "--device", "cpu", "--json")
    findings = json.loads(ended.output)
    assert ended.status == status, findings
    assert {each["id"] for each in findings if each["level"] != "ok"} == found
