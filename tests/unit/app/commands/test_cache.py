"""What ``insttui cache list`` writes for programs: every result, as it is."""

from __future__ import annotations

import csv
import json
from argparse import Namespace
from datetime import datetime
from pathlib import Path

import pytest

from analysis.problems import ProblemError
from app.cli import main
from app.commands.session import cache_folder, cache_place
from cache.entries import EntryLabel
from cache.store import Store
from cache.stores import open_at

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


def test_a_shared_cache_has_no_limit_and_nobody_records_who_read_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = f"file://{tmp_path}/shared"
    open_at(place).put("key", "x" * 1000, label=EntryLabel("attribution", "model", PROMPT))
    assert main(["cache", "info", "--cache-dir", place]) == 0
    info = capsys.readouterr().out
    assert f"folder   {tmp_path}/shared\nresults  1\n" in info
    assert "limit    none\n" in info
    assert main(["cache", "list", "--cache-dir", place, "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["key"], listed["last_read"], listed["prompt"]) == ("key", None, PROMPT)
    assert main(["cache", "clear", "--cache-dir", place]) == 0
    assert capsys.readouterr().out.startswith("removed 1 result,")


def test_an_address_that_nothing_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "info", "--cache-dir", "gopher://bucket/path"]) != 0
    errors = capsys.readouterr().err
    assert "No results can be kept at gopher://bucket/path." in errors
    assert "s3://bucket/path" in errors


def test_the_app_refuses_such_an_address_before_it_opens() -> None:
    from app.commands.open_app import workspace_of
    from app.commands.parser import parser
    from app.config import Settings

    options = parser().parse_args(["--cache-dir", "gopher://bucket/path"])
    with pytest.raises(ProblemError, match="No results can be kept at gopher://bucket/path"):
        workspace_of(options, Settings())


def test_what_is_kept_beside_results_at_an_address_is_in_the_usual_folder(tmp_path: Path) -> None:
    usual = cache_folder(Namespace())
    for given in ("memory://bucket/path", f"file://{tmp_path}"):
        options = Namespace(cache_dir=given)
        assert (cache_place(options), cache_folder(options)) == (given, usual)
    options = Namespace(cache_dir=str(tmp_path))
    assert (cache_place(options), cache_folder(options)) == (str(tmp_path), tmp_path)
