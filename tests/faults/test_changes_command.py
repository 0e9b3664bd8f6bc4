"""``insttui changes`` on real models: rows, JSON, equal models, and models that do not match."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from analysis.changes.tables import DIRECTION_COLUMNS, TENSOR_COLUMNS
from tests.support.checkpoints import byte_level_tokenizer, save
from tests.support.program import Home
from tests.support.small_models import small_model

pytestmark = pytest.mark.slow


def test_rows_and_json_say_the_same(home: Home, tmp_path: Path) -> None:
    file, table = tmp_path / "changes.json", tmp_path / "changes.csv"
    settled = ("--layers", "2", "--rank", "3", "--words", "4")
    done = home.run("changes", *settled, "--json", str(file), "--csv", str(table))
    assert (done.status, done.output) == (0, b""), done.errors
    (layer,) = json.loads(file.read_text(encoding="utf-8"))
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == DIRECTION_COLUMNS
    assert {len(row["words"].split()) for row in rows if row["words"]} == {4}
    told = {each["tensor"]: str(each["relative_change"]) for each in layer["tensors"]}
    assert {row["tensor"]: row["relative_change"] for row in rows} == told
    assert len(rows) == sum(len(each.get("directions", "-")) for each in layer["tensors"])


def test_equal_models_are_said_to_be_equal_and_others_refused(home: Home, tmp_path: Path) -> None:
    same = home.run("--base", "demo-base", "--tuned", "demo-base", "changes", "--summary")
    assert "Nothing changed" in same.errors
    assert tuple(same.rows[0]) == TENSOR_COLUMNS
    assert {row["relative_change"] for row in same.rows} == {"0.0"}
    assert "" in {row["layer"] for row in same.rows}
    other = save(tmp_path / "other", small_model("gpt2"), byte_level_tokenizer())
    refused = home.run("--base", "demo-base", "--tuned", str(other), "changes")
    assert refused.status == 2
    assert "cannot be compared weight by weight" in refused.errors
