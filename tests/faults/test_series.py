"""``--series``: the tables of every pair, by step, of real adapters of a training run."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.support.program import Home

pytestmark = pytest.mark.slow

RUN = ("--base", "demo-base", "--series", "demo-steps")
STEPS = (100, 250, 500)


def lines(text: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode(), newline="")))


def test_changes_and_a_study_along_a_run_are_those_of_each_pair_and_curves_are_drawn(
    home: Home,
) -> None:
    changes = home.run("changes", *RUN, "--summary", "--layers", "0,3", "--out", "made")
    assert changes.status == 0, changes.errors
    found = lines(changes.output)
    alone = []
    for step in STEPS:
        pair = ("--base", "demo-base", "--tuned", f"demo-steps/checkpoint-{step}")
        one = home.run("changes", *pair, "--summary", "--layers", "0,3")
        alone += [[str(step), *row] for row in lines(one.output)[1:]]
    assert found[1:] == alone
    assert found[0][0] == "step"
    assert list((home.work / "made" / "changes").glob("curve-*.png"))

    prompts = [{"id": f"p{n}", "prompt": f"Name {n} birds."} for n in range(3)]
    (home.work / "set.jsonl").write_text("".join(json.dumps(each) + "\n" for each in prompts))
    study = ("study", "density", "--prompts", "set.jsonl", "--max-new-tokens", "4")
    along = home.run(*study, *RUN, "--response", "own", "--csv")
    assert along.status == 0, along.errors
    last = ("--base", "demo-base", "--tuned", "demo-steps/checkpoint-500")
    one = home.run(*study, *last, "--response", "own", "--csv")
    rows = [row[1:] for row in lines(along.output)[1:] if row[0] == "500"]
    assert rows == lines(one.output)[1:]


def test_what_cannot_be_a_series_is_refused(home: Home) -> None:
    both = home.run("changes", *RUN, "--tuned", "demo-tuned")
    assert both.status == 2
    assert "--series and --tuned exclude each other." in both.errors
    one = home.run("heads", "--base", "demo-base", "--series", "demo-steps")
    assert one.status == 2
    served = ("study", "density", *RUN, "--prompts", "demo", "--tuned-server", "http://localhost:1")
    refused = home.run(*served)
    assert refused.status == 2
    assert "A server writes as one model" in refused.errors
