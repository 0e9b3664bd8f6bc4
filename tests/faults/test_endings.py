"""However insttui ends while it computes, no process is left and the terminal is as it was."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from shutil import which

import pytest

from tests.support.program import Home, engine_of, is_alive, wait_until
from tests.support.terminal import Terminal

PROMPT = "Write one sentence about the weather."
LEAVE_ALTERNATE_SCREEN = b"\x1b[?1049l"

# How it ends, and the exit statuses of the app and of a headless command.
ENDINGS: dict[str, tuple[Callable[[Terminal], object], int, int]] = {
    "ctrl-c": (lambda terminal: terminal.write("\x03"), 0, 130),
    "terminate": (lambda terminal: os.kill(terminal.pid, signal.SIGTERM), 0, -signal.SIGTERM),
    "hang up": (lambda terminal: terminal.hang_up(), 128 + signal.SIGHUP, -signal.SIGHUP),
    "kill": (lambda terminal: os.kill(terminal.pid, signal.SIGKILL), -9, -9),
}


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_left_of_it(ending: str, home: Home) -> None:
    end, app_status, headless_status = ENDINGS[ending]
    if ending == "kill":
        # Here everything depends on the engines themselves.
        home = home.cold()
    long = ("--response", PROMPT * 20, "--csv", "rows.csv")
    home.write_draft(PROMPT)
    with (
        home.terminal("--base", "tireless", "--tuned", "tireless") as app,
        home.terminal("attribute", "--model", "tireless", "--prompt", PROMPT, *long) as headless,
    ):
        app.wait_for_screen("engine ready")
        app.write("\x12")
        app.wait_for_screen("tireless: writing its response")
        headless.wait_for_screen("attributing")
        engines = [engine_of(app.pid), engine_of(headless.pid)]
        for terminal in (app, headless):
            end(terminal)
        for terminal in (app, headless):
            terminal.wait_for_exit()
        wait_until(lambda: not any(map(is_alive, engines)), "the engines' end")
        assert (app.status, headless.status) == (app_status, headless_status)
        for terminal in (app, headless):
            assert "Traceback" not in terminal.text()
            assert "Warning" not in terminal.text()
        if app_status == 0:
            assert LEAVE_ALTERNATE_SCREEN in app.output[-400:]


@pytest.mark.slow
@pytest.mark.skipif(which("setsid") is None, reason="there is no setsid here")
def test_a_terminal_that_goes_without_a_signal_leaves_nothing_behind(cold_home: Home) -> None:
    """As it does for a program that has a session of its own."""
    with cold_home.terminal(within=("setsid", "--wait")) as app:
        app.wait_for_screen("demo-base")
        assert cold_home.processes()
        app.hang_up()
        wait_until(lambda: not cold_home.processes(), "the end of all processes")
