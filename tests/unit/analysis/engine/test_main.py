"""The engine process beside the program it works for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

AUTOGROUP = Path("/proc/self/autogroup")
NICEST = 19

GIVE_WAY = """
import os
from analysis.engine.__main__ import give_way
give_way()
print(os.nice(0))
"""
READ_TEXT = "print(open('/proc/self/autogroup').read())"
READ_GROUP = "print((open('/proc/self/autogroup').read().split() or [0])[-1])"

grouped = pytest.mark.skipif(
    not AUTOGROUP.exists(), reason="sessions are not scheduled as groups here"
)


def given_way(code: str, *, own_session: bool) -> int:
    command = [sys.executable, "-c", GIVE_WAY + code]
    output = subprocess.check_output(command, text=True, start_new_session=own_session)
    return int(output.split()[-1])


def test_the_engine_is_nicer_than_the_program():
    here = int(subprocess.check_output(["nice"], text=True))
    assert given_way("", own_session=True) > min(here, NICEST - 1)


@grouped
def test_the_session_of_the_engine_is_nicer_than_others():
    output = subprocess.check_output(
        [sys.executable, "-c", READ_TEXT], text=True, start_new_session=True
    )
    if not output.strip():
        pytest.skip("sessions are not scheduled as groups here")
    # The kernel lets users change groups only so many times a second, all of them together.
    assert any(given_way(READ_GROUP, own_session=True) > 0 for _ in range(10))


@grouped
def test_a_session_that_is_not_the_engine_s_own_keeps_its_share():
    # The kernel says nothing of a session that was there before it grouped them.
    before = AUTOGROUP.read_text()
    command = [sys.executable, "-c", f"{GIVE_WAY}{READ_TEXT}"]
    after = subprocess.check_output(command, text=True).partition("\n")[2]
    assert after.strip() == before.strip()
