"""Checks that the terminal is usable before anything is drawn or computed.

Textual reads keys from standard input and draws on standard error; if either is not a terminal it
draws into a file or dies of a SIGHUP that it sends itself. Standard output must be a terminal too:
nothing is written there, so a user who redirects it would wait for output that never comes.
"""

from __future__ import annotations

import os
import stat
import sys
import termios
from contextlib import suppress

from analysis.problems import ProblemError, problem

# Terminals that cannot move the cursor. An unset TERM is allowed: it says nothing about the
# terminal, and practically all of today's obey escape codes.
_WITHOUT_CODES = ("dumb", "unknown")


def is_served() -> bool:
    """Whether a server has started this app for a browser, where both standard streams are pipes.

    textual-serve says so as it says what Textual's own driver would be.
    """
    return os.environ.get("TEXTUAL_DRIVER") == "textual.drivers.web_driver:WebDriver"


def require_terminal() -> None:
    """Check that the app can draw and read keys, in a terminal or by way of a server.

    Raises:
        ProblemError: ``input``: a standard stream is not a terminal, the terminal belongs to
            another program, or TERM says that it obeys no escape codes.
    """
    if is_served():
        return
    streams = {
        "Standard input": sys.__stdin__,
        "Standard output": sys.__stdout__,
        "Standard error": sys.__stderr__,
    }
    for name, stream in streams.items():
        descriptor = -1 if stream is None else stream.fileno()
        if not os.isatty(descriptor):
            raise _refusal(f"{name} is {_kind(descriptor)}.")
    name = os.environ.get("TERM", "")
    if name.lower() in _WITHOUT_CODES:
        raise _refusal(
            f"This one obeys no escape codes: TERM is {name!r}.",
            "Set TERM to what it is, such as xterm-256color, or use another one.",
        )
    try:
        # A background job is stopped here until it comes to the front. If no shell can do that,
        # this fails with an error, where Textual would fail later.
        termios.tcsetattr(0, termios.TCSANOW, termios.tcgetattr(0))
    except termios.error as error:
        raise _refusal(f"This one cannot be used: {error.args[-1]}.") from None


def _kind(descriptor: int) -> str:
    """What a stream is, if not a terminal."""
    with suppress(OSError):
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            return "a pipe"
        if stat.S_ISREG(mode):
            return "a file"
    return "not one"


def _refusal(
    why: str,
    remedy: str = "Start it in one (over ssh: ssh -t). The commands that insttui --help lists "
    "need none.",
) -> ProblemError:
    return problem("input", "The app needs a terminal.", why, remedy)
