"""What ``insttui doctor`` prints and how it ends."""

from __future__ import annotations

import contextlib
import csv
import json

import pytest

from analysis.doctor.findings import Finding, Findings
from analysis.doctor.request import ExaminationRequest, TrialRequest
from analysis.problems import problem
from app.commands import doctor, session
from app.commands.parser import parser

WELL = Finding("tokenizer", "ok", "pair", "Both models cut text alike.")
WARNING = Finding(
    "template",
    "warning",
    "tuned",
    "It has no \x1b[2J template. " + "And so on, and on, for a long while. " * 4,
    "Because of this and that.",
    "Add one.",
)
CANNOT = Finding("memory", "cannot", "pair", "Nothing fits.")


@pytest.fixture
def run(monkeypatch):
    """The command on a session that answers with these findings, and what it was asked."""
    asked = []

    def command(*arguments, examination=(WELL,), trial=()):
        def answer(_session, request):
            asked.append(type(request))
            found = examination if isinstance(request, ExaminationRequest) else trial
            if isinstance(found, Exception):
                raise found
            return Findings(found)

        monkeypatch.setattr(session, "session", lambda _: contextlib.nullcontext())
        monkeypatch.setattr(session, "run_with_progress", answer)
        monkeypatch.setenv("COLUMNS", "80")
        return doctor.run(parser().parse_args(["doctor", *arguments])), asked

    return command


@pytest.mark.parametrize(
    ("examination", "trial", "status", "asked"),
    [
        ((WELL,), (WELL,), 0, [ExaminationRequest, TrialRequest]),
        ((WELL, WARNING), (WELL,), 1, [ExaminationRequest, TrialRequest]),
        ((WELL,), (CANNOT,), 2, [ExaminationRequest, TrialRequest]),
        ((WARNING, CANNOT), (), 2, [ExaminationRequest]),
        (
            (WELL,),
            problem("memory", "The engine was killed."),
            2,
            [ExaminationRequest, TrialRequest],
        ),
    ],
)
def test_the_status_is_the_worst_finding(run, examination, trial, status, asked):
    assert run(examination=examination, trial=trial) == (status, asked)


def test_quick_tries_no_model(run):
    assert run("--quick") == (0, [ExaminationRequest])


def test_readers_get_the_worst_first_in_80_columns(run, capsys):
    run("--quick", examination=(WELL, WARNING, CANNOT))
    said = capsys.readouterr().out
    assert "\x1b[2J" not in said
    assert all(len(line) <= 80 for line in said.splitlines())
    places = [said.index(each) for each in ("Nothing fits.", "And so on", "→ Add one.", "cut text")]
    assert places == sorted(places)
    assert said.endswith("1 obstacle and 1 warning.\n")


def test_programs_get_a_list_of_findings(run, capsys, tmp_path):
    assert run("--quick", "--json", examination=(WELL, WARNING))[0] == 1
    found = json.loads(capsys.readouterr().out)
    assert [(each["id"], each["level"]) for each in found] == [
        ("tokenizer", "ok"),
        ("template", "warning"),
    ]
    assert found[1]["what"] == WARNING.what
    file = tmp_path / "findings.json"
    run("--quick", "--json", str(file), examination=(WELL, WARNING))
    assert json.loads(file.read_text()) == found
    assert capsys.readouterr().out == ""


def test_findings_are_rows_too(run, capsys, tmp_path):
    file = tmp_path / "findings.csv"
    assert run("--quick", "--csv", str(file), examination=(WELL, WARNING))[0] == 1
    with file.open(encoding="utf-8", newline="") as stream:
        first, second = csv.DictReader(stream)
    assert (first["id"], first["level"], first["remedy"]) == ("tokenizer", "ok", "")
    # A file has the very text.
    assert second["what"] == WARNING.what
    assert capsys.readouterr().out == ""


def test_a_name_that_stands_for_nothing_is_a_finding(run, capsys):
    status, asked = run("--base", "/no/such/folder", "--tuned", "demo-tuned", "--json")
    (found,) = json.loads(capsys.readouterr().out)
    assert (status, asked) == (2, [])
    assert (found["id"], found["level"]) == ("reference", "cannot")
