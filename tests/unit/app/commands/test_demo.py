"""The command that trains the demo pair."""

from __future__ import annotations

import subprocess

from app.commands.demo import TRAINER


def test_its_process_starts():
    done = subprocess.run([*TRAINER, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "{train,measure}" in done.stdout
