"""``insttui serve`` before it serves: its options, and what it asks of the machine."""

from __future__ import annotations

import sys

import pytest

from app.cli import main
from app.commands.parser import parser
from app.commands.serve import app_arguments

OPTIONS = {
    "--base": "demo-base",
    "--series": "demo-steps",
    "--tuned": "-odd name's",
    "--results": "a folder",
    "--vocab": "words.txt",
    "--vectors": "vectors",
    "--device": "cuda:1",
    "--dtype": "float16",
    "--cache-dir": "~/cache",
}
FLAGS = ("--trust-remote-code", "--allow-pickle")


def test_the_app_that_is_served_is_opened_as_in_a_terminal():
    words = [*(f"{name}={value}" for name, value in OPTIONS.items()), *FLAGS]
    in_a_terminal = vars(parser().parse_args(words))
    served = app_arguments(parser().parse_args(["serve", *words]))
    assert vars(parser().parse_args(served)) == in_a_terminal
    before = app_arguments(parser().parse_args([*words, "serve"]))
    assert vars(parser().parse_args(before)) == in_a_terminal
    unlike_the_app = {"help", "version", "no_mouse", "command"}
    assert set(in_a_terminal) - unlike_the_app == {
        name.removeprefix("--").replace("-", "_") for name in (*OPTIONS, *FLAGS)
    }


def test_what_is_missing_is_named_with_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    monkeypatch.delitem(sys.modules, "app.serving.server", raising=False)
    assert main(["serve"]) == 2
    assert capsys.readouterr().err.endswith("pip install 'insttui[serve]'.\n")


@pytest.mark.parametrize(
    ("arguments", "token", "status", "said"),
    [
        (("--results", "missing"), "", 1, "missing"),
        (("--base", "unknown", "--tuned", "unknown"), "", 2, "No model is called 'unknown'."),
        (("--port", "1", "--host", "192.0.2.1"), "", 2, "on port 1 of 192.0.2.1."),
        ((), "a b", 2, "INSTTUI_TOKEN must be 8 or more letters"),
    ],
)
def test_what_cannot_be_served_is_said_at_once(arguments, token, status, said, monkeypatch, capsys):
    pytest.importorskip("textual_serve", reason="textual-serve is not installed")
    monkeypatch.setenv("INSTTUI_TOKEN", token)
    assert main(["serve", *arguments]) == status
    written = capsys.readouterr()
    assert said in written.err
    assert written.out == ""


@pytest.mark.parametrize("option", [("--token", "short"), ("--port", "65536"), ("--port", "x")])
def test_options_out_of_range_are_refused(option):
    with pytest.raises(SystemExit) as end:
        main(["serve", *option])
    assert end.value.code == 2
