"""A terminal that changes its size while maps are computed."""

from __future__ import annotations

import pytest

from tests.support.program import Home

# Long enough to be answered and attributed for as long as the test takes.
PROMPT = "Write one sentence about the weather. " * 100


@pytest.mark.slow
def test_the_screen_follows_every_size_while_it_computes(home: Home) -> None:
    home.write_draft(PROMPT)
    with home.terminal("--base", "tireless", "--tuned", "restless") as terminal:
        terminal.wait_for_screen("engine ready")
        terminal.write("\x12")
        terminal.wait_for_screen(
            "restless: writing its response", "tireless · gradient · computing"
        )
        terminal.resize(80, 24)
        terminal.wait_for_screen("restless: ", "restless · gradient · computing", "q quit")
        # The head and foot of the screen are there first.
        terminal.wait_until(lambda: "tireless · gradient · computing" not in terminal.shown())
        terminal.resize(40, 10)
        terminal.wait_for_screen("insttui needs a terminal of 80×24", "40×10")
        terminal.resize(240, 60)
        terminal.wait_for_screen("restless: ", "restless · gradient · computing", "q quit")
        terminal.write("\x1b")
        terminal.wait_for_screen("tireless · gradient · stopped", "restless · gradient · stopped")
        terminal.write("r")
        terminal.resize(120, 30)
        terminal.wait_for_screen("restless: writing its response")
        terminal.resize(160, 45)
        terminal.wait_for_screen("restless: ", "tireless · gradient · computing")
        terminal.write("\x1b")
        terminal.wait_for_screen("tireless · gradient · stopped", "restless · gradient · stopped")
        terminal.read_until_quiet(1.0)
        grown = terminal.shown()
        # A terminal that is drawn from nothing shows the same.
        for columns in (161, 160):
            at = len(terminal.output)
            terminal.resize(columns, 45)
            terminal.wait_until(lambda at=at: len(terminal.output) > at + 1000)
            terminal.read_until_quiet(1.0)
        assert "\n".join(terminal.screen(since=at)) == grown
        assert terminal.end() == 0
