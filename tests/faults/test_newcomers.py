"""What somebody does who has never seen the program, at its first screen and behind it."""

from __future__ import annotations

import os
import re
from unittest.mock import patch

import pytest

from app.config import state_file
from app.state import State, save_state
from tests.support.program import Home
from tests.support.terminal import Terminal

ENTER, ESCAPE, CTRL_G, F3, END = "\r", "\x1b", "\x07", "\x1bOR", "\x1b[F"
WRITTEN = re.compile(r"writing its response · (\d+) of")


def test_what_is_typed_and_pasted_is_the_prompt_and_no_letter_ends_or_leaves(home: Home) -> None:
    with home.terminal("--base", "small", "--tuned", "plain") as terminal:
        terminal.wait_for_screen("Type or paste a prompt", "enter runs both models on this example")
        terminal.write("quick: 2 ")
        terminal.wait_for_screen("│ quick: 2")
        terminal.paste("lines,\nnot q")
        terminal.wait_for_screen("│ quick: 2 lines,", "│ not q")
        # As a terminal sends a paste that does not mark it.
        terminal.write(" 3\rwithout: marks\r4q")
        terminal.wait_for_screen("│ not q 3", "│ without: marks", "│ 4q")
        terminal.write(F3)
        terminal.wait_for_screen(" 3 Heads ")
        terminal.write("1")
        terminal.wait_for_screen("│ 4q", "enter runs both models on this prompt")
        terminal.write("!")
        terminal.wait_for_screen("│ 4q!")
        terminal.write(ESCAPE)
        terminal.wait_for_screen("q quit")
        assert terminal.end("q") == 0


@pytest.mark.slow
def test_answers_come_in_turn_and_what_is_stopped_in_the_list_of_jobs_goes_on(home: Home) -> None:
    with home.terminal("--base", "tireless", "--tuned", "restless", columns=160) as terminal:
        terminal.wait_for_screen("Type or paste a prompt")
        terminal.write("Hello")
        terminal.write(ENTER)
        # The tuned model's answer first, and the base model's before anything is explained.
        terminal.wait_for_screen("Saliency: restless: writing its response")
        terminal.wait_for_screen("Saliency: tireless: writing its response")
        assert "restless · gradient · computing" in terminal.shown()
        terminal.write(CTRL_G)
        terminal.wait_for_screen("Jobs", "running ", "waiting ", "s stops")
        before = written(terminal)
        terminal.write("s")
        terminal.wait_for_screen("stopped ", "what it had is kept")
        terminal.write(END)
        terminal.write("r")
        terminal.wait_until(lambda: written(terminal) >= before > 0)
        assert terminal.end() == 0


@pytest.mark.slow
def test_what_costs_much_says_so_and_starts_on_enter(home: Home) -> None:
    with patch.dict(os.environ, home.environment):
        # As learnt on a slow machine: a hundredth of a second a parameter.
        save_state(state_file(), State(prices={"head pairs": 0.01}))
    with home.terminal("--base", "small", "--tuned", "plain") as terminal:
        terminal.wait_for_screen("Type or paste a prompt", "engine ready")
        terminal.write(F3)
        terminal.wait_for_screen("This takes about", "enter starts it")
        terminal.write(ENTER)
        terminal.wait_for_screen("all 2 layers are there")
        assert terminal.end() == 0


def written(terminal: Terminal) -> int:
    """How many tokens of a response are said to be written; -1 while none is."""
    found = WRITTEN.search(terminal.shown())
    return int(found[1]) if found else -1
