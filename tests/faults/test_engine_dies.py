"""The engine is killed or hangs while the app computes: it is said, and the next request works."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.program import Home, engine_of, is_alive, wait_until

PROMPT = "Write one sentence about the weather."
RUN = "\x12"
ESCAPE = "\x1b"


@pytest.mark.slow
def test_a_dead_and_a_deaf_engine_are_said_and_replaced(cold_home: Home) -> None:
    cold_home.write_draft(PROMPT)
    with cold_home.terminal("--base", "tireless", "--tuned", "small") as terminal:
        terminal.wait_for_screen("engine ready")
        terminal.write(RUN)
        terminal.wait_for_screen("Saliency: tireless: writing its response")
        killed = engine_of(terminal.pid)
        os.kill(killed, signal.SIGKILL)
        terminal.wait_for_screen("The engine process died.", "SIGKILL", "r runs it again")
        # What had waited behind it is answered by another engine.
        terminal.wait_for_screen("cut at the limit", "heaviest words")
        terminal.write("g")
        terminal.wait_for_screen('"Write" →', " S ")
        second = engine_of(terminal.pid)
        assert second != killed

        terminal.write("r")
        terminal.wait_for_screen(" · computing", "tireless: writing its response")
        os.kill(second, signal.SIGSTOP)
        terminal.write(ESCAPE)
        # Where one map is there, the gradient that agrees better with deletion is chosen.
        terminal.wait_for_screen("tireless · frozen norms · stopped", "small · frozen norms")
        assert not is_alive(second)

        terminal.write("r")
        terminal.wait_for_screen("tireless: loading")
        third = engine_of(terminal.pid)
        assert terminal.end() == 0
        wait_until(lambda: not is_alive(third), "the engine's end")
        assert "Traceback" not in terminal.text()
        assert "Warning" not in terminal.text()
