"""What somebody does who has never seen the program, at its first screen and behind it."""

from __future__ import annotations

import os
import re
from unittest.mock import patch

import pytest

from app.config import state_file
from app.state import State, save_state
from app.terminal.legibility import READABLE
from tests.support.program import Home
from tests.support.terminal import Terminal

ENTER, ESCAPE, CTRL_G, DOWN = "\r", "\x1b", "\x07", "\x1b[B"
# By number, as xterm sends them.
FOLLOWING = enumerate((15, 17, 18, 19))
FUNCTION_KEYS = {3: "\x1bOR", 4: "\x1bOS", **{5 + i: f"\x1b[{code}~" for i, code in FOLLOWING}}
PAIR = ("--base", "small", "--tuned", "plain")
WRITTEN = re.compile(r"writing its response · (\d+) of")


def test_what_is_typed_and_pasted_is_the_prompt_and_no_letter_ends_or_leaves(home: Home) -> None:
    with home.terminal(*PAIR) as terminal:
        terminal.wait_for_screen("Type or paste a prompt", "enter runs both models on this example")
        terminal.write("quick: 2 ")
        terminal.wait_for_screen("│ quick: 2")
        terminal.paste("lines,\nnot q")
        terminal.wait_for_screen("│ quick: 2 lines,", "│ not q")
        # As a terminal sends a paste that does not mark it.
        terminal.write(" 3\rwithout: marks\r4q")
        terminal.wait_for_screen("│ not q 3", "│ without: marks", "│ 4q")
        terminal.write(FUNCTION_KEYS[3])
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
        terminal.wait_for_screen("Jobs", "running  Saliency  tireless", "s stops")
        before = written(terminal)
        terminal.write("s")
        terminal.wait_for_screen("stopped  Saliency  tireless", "what it had is kept")
        terminal.write("r")
        # From where it was; it may have come to the end by now.
        terminal.wait_until(lambda: "stopped " not in terminal.shown())
        assert written(terminal) == -1 or written(terminal) >= before
        assert terminal.end() == 0


@pytest.mark.slow
def test_what_costs_much_says_so_and_starts_on_enter(home: Home) -> None:
    with patch.dict(os.environ, home.environment):
        # As learnt on a slow machine: a hundredth of a second a parameter.
        save_state(state_file(), State(prices={"head pairs": 0.01}))
    with home.terminal(*PAIR) as terminal:
        terminal.wait_for_screen("Type or paste a prompt", "engine ready")
        terminal.write(FUNCTION_KEYS[3])
        terminal.wait_for_screen("This takes about", "enter starts it")
        terminal.write(ENTER)
        terminal.wait_for_screen("all 2 layers are there")
        assert terminal.end() == 0


@pytest.mark.slow
def test_flicking_through_the_views_keeps_no_prompt_waiting(home: Home) -> None:
    with home.terminal("--base", "tireless", "--tuned", "restless", columns=160) as terminal:
        terminal.wait_for_screen("Type or paste a prompt")
        for view in ("3 Heads", "4 Concepts", "5 Studies", "6 Neurons", "7 Clusters", "8 Changes"):
            terminal.write(FUNCTION_KEYS[int(view[0])])
            terminal.wait_for_screen(f" {view}")
        terminal.write("1")
        terminal.wait_for_screen("Type or paste a prompt")
        terminal.write("Hello" + ENTER)
        # What was asked for on the way lies behind, and is not lost.
        terminal.wait_for_screen("Saliency: restless: writing its response")
        terminal.write(CTRL_G)
        terminal.wait_for_screen("Jobs", "running  Saliency", "waiting  Changes")
        assert terminal.end() == 0


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_the_answers_say_what_they_show_and_fill_the_screen(
    size: tuple[int, int], home: Home
) -> None:
    columns, lines = size
    with home.terminal(*PAIR, columns=columns, lines=lines) as terminal:
        terminal.wait_for_screen("Type or paste a prompt")
        terminal.write("Say hello to all who came. Then count to three." + ENTER)
        # Words before the grid, a legend, and findings in a sentence.
        terminal.wait_for_screen(
            "heaviest words", "change", "against ", " for", "▌ instruction", " g grid"
        )
        terminal.wait_for_screen("with deletion")
        rows = terminal.shown().splitlines()
        assert sum(bool(row.strip(" │")) for row in rows) > min(lines / 2, 18)
        (title,) = (number for number, row in enumerate(rows) if " · gradient" in row)
        assert terminal.least_contrast(title) >= READABLE
        assert terminal.end() == 0


def test_a_study_that_is_done_is_there_after_a_restart(home: Home) -> None:
    with home.terminal(*PAIR) as terminal:
        terminal.wait_for_screen("Type or paste a prompt")
        terminal.write(FUNCTION_KEYS[5])
        terminal.wait_for_screen("heads         not run", "concepts      not run")
        terminal.write(DOWN * 5 + ENTER)
        terminal.wait_for_screen("concepts      done")
        assert terminal.end() == 0
    home.forbid_torch()
    with home.terminal(*PAIR) as terminal:
        terminal.wait_for_screen("Type or paste a prompt")
        terminal.write(FUNCTION_KEYS[5])
        terminal.wait_for_screen("heads         not run", "concepts      done")
        assert terminal.end() == 0


def test_help_opens_on_keys_and_the_palette_knows_the_words_of_the_footer(home: Home) -> None:
    with home.terminal(*PAIR) as terminal:
        terminal.wait_for_screen("Type or paste a prompt")
        terminal.write(FUNCTION_KEYS[3])
        footer = terminal.wait_for_screen("all 2 layers are there").splitlines()[-1]
        terminal.write("?")
        screen = terminal.wait_for_screen("esc closes").splitlines()
        opened = next(number for number, line in enumerate(screen) if "─ Heads ─" in line)
        # A key and what it does.
        assert re.search(r"│  \S{1,6} +[A-Z]\w+", screen[opened + 1])
        terminal.write(ESCAPE)
        terminal.wait_until(lambda: "esc closes" not in terminal.shown())
        words = re.findall(r"  \S+ ([a-z]{4,}(?: [a-z]+)?)", footer)
        assert len(words) > 3
        for word in words:
            terminal.write(":")
            terminal.wait_for_screen("🔎")
            terminal.write(word)
            terminal.wait_for_screen(f"🔎 {word}")
            terminal.wait_until(lambda: re.search(r"\(?(heads|app)\.", terminal.shown()))
            terminal.write(ESCAPE)
            terminal.wait_until(lambda: "🔎" not in terminal.shown())
        assert terminal.end() == 0


def written(terminal: Terminal) -> int:
    """How many tokens of a response are said to be written; -1 while none is."""
    found = WRITTEN.search(terminal.shown())
    return int(found[1]) if found else -1
