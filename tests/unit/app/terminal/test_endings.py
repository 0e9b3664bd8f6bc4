"""Signals end a program whatever its main thread is doing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

PROGRAM = """
import os, queue, signal, threading, time
from app.terminal import endings

def say(*words):
    # In one piece, whatever another thread says.
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

endings.PATIENCE_S = 0.1
endings.end_on_signals(
    lambda number: say("asked", number),
    lambda: say("restored"),
    lambda: say("woken"),
)
signal.signal(signal.SIGWINCH, lambda *_: say("resized"))
say("ready")
{}
"""

# What holds a main thread up: a loop, a lock that nobody gives back, a full queue of writes.
STUCK = {
    "loop": "while True: pass",
    "lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "write": "full = queue.Queue(1); full.put(1); full.put(1)",
    "sleep": "time.sleep(1000)",
}


@contextmanager
def running(work: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM.format(work)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        try:
            yield program
        finally:
            program.kill()


@pytest.mark.parametrize(
    ("work", "number"),
    [*((work, signal.SIGTERM) for work in STUCK), ("loop", signal.SIGINT), ("loop", signal.SIGHUP)],
)
def test_a_program_that_is_stuck_ends_and_gives_the_terminal_back_first(work, number):
    with running(STUCK[work]) as program:
        program.send_signal(number)
        output, _ = program.communicate(timeout=60)
    assert output == f"asked {number:d}\nrestored\n"
    assert program.returncode == 128 + number


def test_signals_of_other_kinds_end_nothing_and_wake_the_event_loop():
    with running(STUCK["sleep"]) as program:
        assert program.stdout is not None
        program.send_signal(signal.SIGWINCH)
        assert {program.stdout.readline() for _ in range(2)} == {"resized\n", "woken\n"}
        program.send_signal(signal.SIGTERM)
        assert program.communicate(timeout=60)[0].startswith("asked")
