"""Where there is no terminal, or one that can do little, and the end of the app in any of them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.program import Home

ALTERNATE_SCREEN = b"\x1b[?1049h"
LEAVE_ALTERNATE_SCREEN = b"\x1b[?1049l"

# How a shell redirects it, the environment, and what is said of that.
REFUSED = {
    "no input": ("</dev/null", {}, "Standard input is not one."),
    "closed input": ("<&-", {}, "Standard input is not one."),
    "piped input": ("<pipe", {}, "Standard input is a pipe."),
    "piped output": ("| cat", {}, "Standard output is a pipe."),
    "output into a file": (">rows.csv", {}, "Standard output is a file."),
    "errors into a file": ("2>log.txt", {}, "Standard error is a file."),
    "dumb": ("", {"TERM": "dumb"}, "This one obeys no escape codes: TERM is 'dumb'."),
    "unknown": ("", {"TERM": "unknown"}, "This one obeys no escape codes: TERM is 'unknown'."),
}


@pytest.fixture
def home(tmp_path: Path, program: str) -> Home:
    """A home without models: the demo pair is enough, and mostly not even that is opened."""
    return Home(tmp_path / "home", program)


def redirected(how: str) -> tuple[str, ...]:
    """What starts the rest of its arguments in a shell, redirected, and says how it ended."""
    run = f'"$0" "$@" {how}; echo "ended with $?"'
    if how == "<pipe":
        run = 'mkfifo fifo; echo x >fifo & "$0" "$@" <fifo; echo "ended with $?"'
    elif how == "| cat":
        run = '{ "$0" "$@"; echo "ended with $?" >&2; } | cat'
    return ("sh", "-c", run)


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_terminal_is_refused_in_a_sentence(home, case):
    how, environment, why = REFUSED[case]
    with home.terminal(within=redirected(how), environment=environment) as terminal:
        terminal.wait_for_exit()
        said = terminal.text()
        log = home.work / "log.txt"
        if log.exists():
            said += log.read_text()
    assert f"insttui: The app needs a terminal. {why}" in " ".join(said.split())
    assert "ended with 2" in said
    assert "\x1b" not in terminal.output.decode() + said
    assert not home.processes()
    assert not (home.folder / "cache").exists()


def test_stored_results_need_a_terminal_too(home):
    outcome = home.run("--results", "nowhere")
    assert outcome.status == 2
    assert outcome.output == b""
    assert outcome.errors.startswith("insttui: The app needs a terminal. Standard input is a pipe.")


def test_what_is_said_to_a_closed_standard_error_goes_nowhere_else(home):
    """Rows stand on standard output, and files that are opened next have other numbers."""
    refused = ("attribute", "--model", "nothing", "--prompt", "x")
    outcome = home.run(*refused, within=("sh", "-c", '"$0" "$@" 2>&- <&-'))
    assert outcome.status == 2
    assert outcome.output == b""


# Terminals that say little of themselves, or nothing that could be right.
ODD = {
    "no name": {"within": ("env", "-u", "TERM")},
    "no size": {"columns": 0, "lines": 0},
    "a size of its own": {"environment": {"COLUMNS": "100", "LINES": "30"}},
    "no controlling terminal": {"within": ("setsid", "--wait")},
    "one cell": {"columns": 1, "lines": 1},
}


@pytest.mark.parametrize("case", ODD)
def test_in_an_odd_terminal_it_works_rests_and_ends(home, case):
    with home.terminal(**ODD[case]) as terminal:
        if case == "one cell":
            terminal.wait_until(lambda: ALTERNATE_SCREEN in terminal.output)
        else:
            terminal.wait_for("Type or paste a prompt")
        # Then it has nothing to do.
        terminal.read_until_quiet(1.0)
        processes = home.processes()
        os.kill(next(pid for pid in processes if is_app(pid)), signal.SIGTERM)
        terminal.wait_for_exit()
        assert terminal.status == 0
        assert LEAVE_ALTERNATE_SCREEN in terminal.output[-400:]


def is_app(pid: int) -> bool:
    """Whether a process is insttui itself and neither what started it nor its engine."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return any(each.endswith(b"/insttui") for each in command[:2])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_it_ends_and_gives_the_terminal_back_before_its_first_paint(home, number):
    with home.terminal() as terminal:
        terminal.wait_until(lambda: ALTERNATE_SCREEN in terminal.output)
        os.kill(terminal.pid, number)
        terminal.wait_for_exit()
        assert terminal.status == (0 if number == signal.SIGTERM else 128 + number)
        assert LEAVE_ALTERNATE_SCREEN in terminal.output[-400:]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_it_ends_while_its_terminal_takes_nothing(home, number):
    with home.terminal(columns=240, lines=60) as terminal:
        terminal.wait_for("Type or paste a prompt")
        # Nobody reads what all this draws.
        for _ in range(40):
            terminal.write("\x1b[18~1")
            time.sleep(0.02)
        os.kill(terminal.pid, number)
        end = time.monotonic() + 60
        while terminal.is_running():
            assert time.monotonic() < end
            time.sleep(0.05)
        assert not [pid for pid in home.processes() if is_app(pid)]
