"""What ``insttui cache list`` writes for programs: every result, as it is."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path

import pytest

from app.cli import main
from cache.entries import EntryLabel
from cache.store import Store

PROMPT = "Write a word.\n" * 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache of two results."""
    store = Store(tmp_path / "cache")
    for number, prompt in enumerate((PROMPT, "")):
        label = EntryLabel("attribution", f"model {number}", prompt)
        store.put(f"key {number}", "x" * 1000, label=label)
    store.close()
    return tmp_path / "cache"


def test_rows_are_exact_and_whole(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "listed.csv"
    assert main(["cache", "list", "--cache-dir", str(folder), "--csv", str(file)]) == 0
    with file.open(encoding="utf-8", newline="") as stream:
        newest, oldest = csv.DictReader(stream)
    assert (oldest["analysis"], oldest["model"], oldest["key"]) == (
        "attribution",
        "model 0",
        "key 0",
    )
    assert oldest["prompt"] == PROMPT
    assert newest["model"] == "model 1"
    assert int(newest["bytes"]) >= 1000
    assert datetime.fromisoformat(newest["created"]) >= datetime.fromisoformat(oldest["created"])


def test_without_a_file_json_goes_to_standard_output(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cache", "list", "--cache-dir", str(folder), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["model"] for each in listed] == ["model 1", "model 0"]
    assert main(["cache", "list", "--cache-dir", str(folder)]) == 0
    assert "Stored results" in capsys.readouterr().out
