"""Ctrl-z leads to the shell and fg back to the app as it was; without a shell it does nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.case_folders import write_small_library
from tests.support.program import Home, children
from tests.support.terminal import Terminal

ALTERNATE_SCREEN = b"\x1b[?1049h"
CTRL_C, CTRL_Z, UNDO = "\x03", "\x1a", "\x1f"
# What the app shows of stored maps, which need no engine.
SHOWN = "stored results"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a folder of stored maps."""
    made = Home(tmp_path / "home")
    write_small_library(made.work / "maps")
    return made


@pytest.fixture
def shell(home: Home) -> Iterator[Terminal]:
    """An interactive shell."""
    bash = ("bash", "--norc", "--noprofile", "--noediting", "-i")
    environment = {**home.environment, "PS1": "shell> ", "INSTTUI": home.program}
    with Terminal(
        bash, columns=120, lines=30, environment=environment, folder=home.work
    ) as terminal:
        terminal.wait_for_screen("shell>")
        yield terminal


def start(shell: Terminal, command: str) -> str:
    """Start the app on stored maps; its screen."""
    shell.write(f"{command}\n")
    return settled(shell, "letters")


def settled(shell: Terminal, text: str) -> str:
    """The screen, once it shows the text and nothing moves any more."""
    shell.wait_for_screen(text)
    shell.read_until_quiet(0.7)
    return shell.shown()


def use_the_shell(shell: Terminal) -> None:
    """Once the app is stopped, have the shell fill the screen and echo what is typed."""

    def is_told() -> bool:
        # The shell tells with a prompt, and it may have shown one before the app was stopped.
        if "Stopped" not in shell.shown():
            shell.write("\n")
            shell.read_until_quiet(0.5)
        return "Stopped" in shell.shown()

    shell.wait_until(is_told)
    shell.write("clear; seq 50\n")
    shell.wait_for_screen("49 50 shell>")
    shell.write("echo $((6 * 7))")
    shell.wait_for_screen("echo $((6 * 7))")
    shell.write("\n")
    shell.wait_for_screen("42 shell>")
    assert SHOWN not in shell.shown()


def foreground(shell: Terminal) -> str:
    """The app's screen, once it is back."""
    since = len(shell.output)
    shell.write("fg\n")
    shell.wait_until(lambda: ALTERNATE_SCREEN in shell.output[since:])
    return settled(shell, SHOWN)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["{}", "bash -c '{}; true'"], ids=["alone", "in a script"])
def test_it_comes_back_as_it_was_and_takes_keys(shell: Terminal, command: str) -> None:
    before = start(shell, command.format("$INSTTUI --results maps"))
    shell.write(CTRL_Z)
    use_the_shell(shell)
    assert foreground(shell) == before
    shell.write("?")
    with_help = settled(shell, "esc closes")
    shell.write(CTRL_Z)
    use_the_shell(shell)
    assert foreground(shell) == with_help


@pytest.mark.slow
def test_it_comes_back_from_the_background_at_another_size_and_from_any_stop(
    shell: Terminal,
) -> None:
    start(shell, "$INSTTUI --results maps")
    shell.write(CTRL_Z)
    use_the_shell(shell)
    shell.resize(100, 24)
    shell.write("bg; clear\n")
    # In the background it may not draw.
    use_the_shell(shell)
    smaller = foreground(shell)
    assert "palette" in smaller.splitlines()[23]
    os.kill(children(shell.pid)[0], signal.SIGSTOP)
    use_the_shell(shell)
    assert foreground(shell) == smaller


@pytest.mark.slow
def test_it_comes_back_though_the_shell_took_a_key_that_it_was_told_of(shell: Terminal) -> None:
    before = start(shell, "$INSTTUI --results maps")
    os.kill(children(shell.pid)[0], signal.SIGSTOP)
    # At once: the thread that reads keys wakes, and is stopped before it reads.
    shell.write("\n")
    use_the_shell(shell)
    assert foreground(shell) == before


@pytest.mark.slow
@pytest.mark.parametrize("stop", ["ctrl-z", "another signal"])
def test_it_comes_back_once_from_any_number_of_stops_in_the_background(
    shell: Terminal, stop: str
) -> None:
    before = start(shell, "$INSTTUI --results maps")
    if stop == "ctrl-z":
        shell.write(CTRL_Z)
    else:
        os.kill(children(shell.pid)[0], signal.SIGSTOP)
    use_the_shell(shell)
    for _ in range(5):
        shell.write("bg; clear\n")
        use_the_shell(shell)
    since = len(shell.output)
    assert foreground(shell) == before
    # A second time within the first would leave two threads that read keys.
    assert shell.output[since:].count(ALTERNATE_SCREEN) == 1
    shell.write(CTRL_C)
    shell.wait_for_screen("shell>")
    # The shell's terminal is as it was: what is typed is shown.
    shell.write("echo $((6 * 7))")
    shell.wait_for_screen("echo $((6 * 7))")


@pytest.mark.slow
def test_where_no_shell_could_go_on_with_it_it_stays(home: Home) -> None:
    """As in a terminal that has been opened for it alone; undo is on another key."""
    with home.terminal() as terminal:
        terminal.wait_for_screen("Type or paste a prompt")
        terminal.paste("cold")
        terminal.write(CTRL_Z)
        terminal.paste(" and hot")
        terminal.wait_for_screen("cold and hot")
        terminal.write(UNDO)
        terminal.wait_until(lambda: " and hot" not in terminal.shown())
        assert "cold" in terminal.shown()
        assert terminal.end(CTRL_C) == 0
