"""The exit statuses of insttui, for scripts, and what ``--help`` says of them."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """How insttui ended; what every command returns.

    A signal other than ctrl-C ends a headless command as it ends any program: for the shell the
    status is 128 and the signal's number. The app restores the terminal first; to quit it by a key,
    ctrl-C or SIGTERM is no failure.
    """

    OK = 0
    PROBLEM = 1
    INPUT = 2
    INTERRUPTED = 130


MEANINGS = {
    ExitStatus.OK: "all is well",
    ExitStatus.PROBLEM: "a model, the network, memory, a disk or an endpoint failed",
    ExitStatus.INPUT: "what was typed or passed in cannot be used",
    ExitStatus.INTERRUPTED: "ctrl-C",
}

EPILOG = "\n".join(
    (
        "exit status:",
        *(f"  {status:<5}{meaning}" for status, meaning in MEANINGS.items()),
        "  doctor: 1 with warnings, 2 if the pair cannot be analysed",
    )
)
"""The last lines of ``insttui --help``."""
