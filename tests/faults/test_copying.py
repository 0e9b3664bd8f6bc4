"""What is copied inside tmux lies in tmux's own buffer, and in a file."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.support.case_folders import write_small_library
from tests.support.program import Home


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux on this machine")
def test_in_tmux(tmp_path, program):
    home = Home(tmp_path / "home", program)
    library = write_small_library(tmp_path / "library")
    # A server of its own, whose socket has a short path.
    tmux = ("tmux", "-L", f"insttui-{tmp_path.name}", "-f", "/dev/null")
    within = (*tmux, "new-session")
    try:
        with home.terminal("--results", str(library), within=within) as terminal:
            terminal.wait_for_screen("2 of 2 cases")
            terminal.write("\r")
            terminal.wait_for_screen("instruction score")
            terminal.write("y")
            said = " ".join(terminal.wait_for_screen("Copied to tmux", "also in").split())
            held = subprocess.run([*tmux, "show-buffer"], capture_output=True, check=True).stdout
            (file,) = home.folder.rglob("copied.txt")
            assert file.read_bytes() == held
            assert b"Name a letter." in held or b"Draw" in held
            assert re.search(r"also in\s+\S+", said)
            # With -w, tmux passes it on to the terminal around it.
            terminal.read_until_quiet(0.3)
            assert b"\x1b]52;" in terminal.output
    finally:
        subprocess.run([*tmux, "kill-server"], capture_output=True, check=False)
