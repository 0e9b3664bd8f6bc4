"""What somebody does who has never seen the program, at its first screen and behind it."""

from __future__ import annotations

import re

from tests.support.program import Home
from tests.support.terminal import Terminal

CTRL_G, ENTER, ESCAPE, F3, END, HOME = "\x07", "\r", "\x1b", "\x1bOR", "\x1b[F", "\x1b[H"
WRITTEN = re.compile(r"writing its response · (\d+) of")


def test_what_is_typed_and_pasted_is_the_prompt_and_no_letter_ends_or_leaves(home: Home) -> None:
    with home.terminal("--base", "small", "--tuned", "plain") as terminal:
        terminal.wait_for_screen("Type or paste a prompt")
        terminal.write("quick: 2 ")
        terminal.wait_for_screen("│ quick: 2")
        terminal.paste("lines,\nnot q")
        terminal.wait_for_screen("│ quick: 2 lines,", "│ not q")
        # As a terminal sends a paste that does not mark it.
        terminal.write(" 3\rwithout: marks\r4q")
        terminal.wait_for_screen("│ not q 3", "│ without: marks", "│ 4q")
        terminal.write(F3)
        terminal.wait_for_screen("3 Heads")
        terminal.write("1")
        terminal.wait_for_screen("│ 4q", "enter runs both models on this prompt")
        terminal.write("!")
        terminal.wait_for_screen("│ 4q!")
        assert terminal.end("\x03") == 0


def test_the_running_job_is_named_and_every_job_can_be_stopped_and_goes_on(home: Home) -> None:
    with home.terminal("--base", "tireless", "--tuned", "tireless", columns=160) as terminal:
        terminal.wait_for_screen("Type or paste a prompt")
        terminal.write("Hello")
        terminal.write(ENTER)
        terminal.wait_for_screen("Saliency: tireless: writing its response")
        terminal.write(CTRL_G)
        terminal.wait_for_screen("Jobs", "running", "waiting", "s stops")
        before = written(terminal)
        terminal.write("s")
        terminal.wait_for_screen("stopped", "what it had is kept")
        # The stopped one is last, behind the other model's.
        terminal.write(END)
        terminal.write("r")
        terminal.wait_until(lambda: terminal.shown().count("waiting") == 1)
        terminal.write(HOME)
        terminal.write("s")
        terminal.wait_until(lambda: written(terminal) >= before > 0)
        terminal.write(ESCAPE)
        assert terminal.end("\x03") == 0


def written(terminal: Terminal) -> int:
    """How many tokens of a response are said to be written; -1 while none is."""
    found = WRITTEN.search(terminal.shown())
    return int(found[1]) if found else -1
