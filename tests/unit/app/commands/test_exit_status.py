"""What the shell is told when insttui ends, and where that is written down."""

from __future__ import annotations

import io
from typing import get_args

import pytest

from analysis.problems import Kind, problem
from app.cli import main
from app.commands import models
from app.commands.exit_status import MEANINGS, ExitStatus


def status_of(*arguments: str) -> int:
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--help",), ExitStatus.OK),
        (("--version",), ExitStatus.OK),
        (("models",), ExitStatus.OK),
        (("--unknown",), ExitStatus.INPUT),
        (("unknown",), ExitStatus.INPUT),
        (("heads", "--base", "unknown", "--tuned", "unknown"), ExitStatus.INPUT),
        (("heads", "--base", "./none", "--tuned", "./none"), ExitStatus.PROBLEM),
        (("models", "--json", "/no/such/folder/rows.json"), ExitStatus.PROBLEM),
    ],
)
def test_the_status_says_whose_fault_it_was(arguments, status, capsys):
    assert status_of(*arguments) == status
    assert (capsys.readouterr().err == "") == (status is ExitStatus.OK)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_of_all_problems_only_bad_input_is_the_user_s_to_put_right(kind, monkeypatch):
    def fail(_options):
        raise problem(kind, "It is so.")

    monkeypatch.setattr(models, "run", fail)
    assert main(["models"]) == (ExitStatus.INPUT if kind == "input" else ExitStatus.PROBLEM)


@pytest.mark.parametrize(
    ("raised", "status"),
    [(KeyboardInterrupt, ExitStatus.INTERRUPTED), (BrokenPipeError, ExitStatus.OK)],
)
def test_ctrl_c_and_a_reader_that_has_gone_are_told_apart(raised, status, monkeypatch):
    def fail(_options):
        raise raised

    monkeypatch.setattr(models, "run", fail)
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert main(["models"]) == status


def test_help_lists_every_status(capsys):
    status_of("--help")
    shown = capsys.readouterr().out
    for status in ExitStatus:
        assert f"  {status:<5}{MEANINGS[status]}\n" in shown
