"""What ``insttui attribute`` says beside the rows it writes."""

from __future__ import annotations

import contextlib
import csv

import pytest

from analysis.requests import AttributionRequest
from app.arguments import parser
from app.commands import attribute
from tests.support.scripted_session import attribution

RESPONSE = "Paris\x1b[2J, of course."


@pytest.fixture
def run(monkeypatch):
    def answer(_session, request):
        assert isinstance(request, AttributionRequest)
        return attribution(request)

    monkeypatch.setattr(attribute.storage, "session", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(attribute, "run_with_progress", answer)

    def command(*arguments):
        asked = ["attribute", "--model", "demo-tuned", "--prompt", "Name a city.", *arguments]
        return attribute.run(parser().parse_args(asked))

    return command


def test_it_says_what_was_answered_and_how_many_rows_are_where(run, tmp_path, capsys):
    file = tmp_path / "map.csv"
    assert run("--response", RESPONSE, "--csv", str(file)) == 0
    said = capsys.readouterr()
    with file.open(newline="") as stream:
        rows = len(list(csv.reader(stream))) - 1
    assert said.out == ""
    assert "Paris" in said.err
    assert "\x1b" not in said.err
    assert said.err.endswith(f"{rows:,} rows in {file}\n")


def test_rows_on_standard_output_are_all_there_is(run, capsys):
    run("--csv", "-")
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith("model,prompt_index,")
