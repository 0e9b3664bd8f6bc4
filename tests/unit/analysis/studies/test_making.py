"""What a killed process was making is removed by the next one; what a living one makes stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.studies.making import making_folder

# One half of a report, one half of a case library, and then nothing more.
USERS = {
    "a folder": """
from analysis.studies.making import making_folder
with making_folder(folder) as made:
    (made / "half").write_text("half")
    wait()
""",
    "cases": """
from analysis.saliency.cases.folder import CaseFolder
with CaseFolder(folder, ("one", "two")):
    wait()
""",
    "a report": """
from analysis.studies import report
from analysis.studies.findings import Findings, NamedTable
from analysis.table import Table
report.report_text = lambda findings, parquet: wait()
report.write_report(Findings("heads", "t", (), (NamedTable("t", "t", Table(("a",), [])),)), folder)
""",
}
WAITS = """
import sys
from pathlib import Path
folder = Path(sys.argv[1])
def wait():
    print("making", flush=True)
    sys.stdin.read()
"""


def making(user: str, folder: Path) -> subprocess.Popen[bytes]:
    """A process in the middle of making something."""
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS + USERS[user], str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"making\n"
    return process


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("user", USERS)
def test_the_next_one_removes_what_a_killed_process_left_and_nothing_of_a_living_one(
    user, tmp_path
):
    with making(user, tmp_path) as living, making(user, tmp_path) as killed:
        killed.kill()
        assert killed.wait() == -signal.SIGKILL
        left = hidden(tmp_path)
        assert len(left) == 2
        with making_folder(tmp_path):
            pass
        (stays,) = hidden(tmp_path)
        assert stays in left
        assert f"-{living.pid}-" in stays
        living.kill()
        living.wait()
    with making_folder(tmp_path):
        pass
    assert hidden(tmp_path) == []


def test_another_machine_s_is_removed_when_nobody_has_written_for_a_day(tmp_path):
    for name, age_s in (("other-1-old", 90000), ("other-1-new", 4000)):
        (tmp_path / f".making-{name}").mkdir()
        os.utime(tmp_path / f".making-{name}", (time.time() - age_s,) * 2)
    with making_folder(tmp_path):
        pass
    assert hidden(tmp_path) == [".making-other-1-new"]


@pytest.mark.parametrize("kept", [True, False])
def test_it_is_gone_in_the_end_whatever_happens(tmp_path, kept):
    """And so are the folders that were made for it, unless something is in them."""
    folder = tmp_path / "new" / "er"

    def fail() -> None:
        with making_folder(folder) as made:
            (made / "file").write_text("")
            assert hidden(folder) == [made.name]
            if kept:
                (made / "file").rename(folder / "file")
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fail()
    there = [path.name for path in tmp_path.rglob("*")]
    assert there == (["new", "er", "file"] if kept else [])
