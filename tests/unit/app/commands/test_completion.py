"""What a shell offers after a tab, and that real shells do once the one command has been run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from shutil import which

import pytest

from app.commands.completion import SHELLS
from tests.support.program import PROGRAM, Home
from tests.support.terminal import Terminal

SEPARATOR = "\v"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.name_models(mine=tmp_path)
    (made.work / "weights").mkdir()
    (made.work / "words.txt").write_text("")
    return made


def offered(line: str, home: Home, tmp_path: Path) -> list[str]:
    """The words that insttui tells a shell."""
    file = tmp_path / "words"
    asked = {
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(file),
    }
    done = home.run(environment=asked)
    assert (done.status, done.output) == (0, b"")
    return [each.strip() for each in file.read_text().split(SEPARATOR)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("insttui att", {"attribute"}),
        ("insttui heads --bas", {"--base"}),
        ("insttui study conc", {"concepts"}),
        ("insttui study heads --base vicu", {"vicuna"}),
        ("insttui --tuned demo-t", {"demo-tuned"}),
        ("insttui --base mi", {"mine", "mistral", "mistral-instruct"}),
        ("insttui --base w", {"weights/"}),
        ("insttui heads --vocab w", {"words.txt", "weights/"}),
        ("insttui --results w", {"weights/"}),
        (
            "insttui attribute --method fro",
            {f"frozen-norms{x}" for x in ("", "-forward", "-reverse")},
        ),
        ("insttui heads --layers ", {""}),
    ],
)
def test_commands_options_choices_models_and_files_complete(line, words, home, tmp_path):
    found = offered(line, home, tmp_path)
    assert words <= set(found)
    if "mine" not in words:
        assert len(found) == len(words)


def test_settings_that_cannot_be_read_leave_the_other_names(home, tmp_path):
    Path(home.environment["INSTTUI_CONFIG"]).write_text("[aliases")
    assert offered("insttui --base vicu", home, tmp_path) == ["vicuna"]


INTERACTIVE = {"bash": ("bash", "-i"), "zsh": ("zsh", "-i"), "fish": ("fish", "-i")}


@pytest.mark.parametrize("shell", SHELLS)
def test_one_command_makes_a_new_shell_complete(shell, home):
    if which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    path = f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**home.environment, "PATH": path, "SHELL": f"/bin/{shell}"}
    startup = home.folder / f".{shell}rc"
    if shell != "fish":
        startup.write_text("PS1='$ '")
    for _ in range(2):
        done = home.run("completion", "--install", environment=environment)
        assert (done.status, done.errors) == (0, "")
    if shell != "fish":
        first, *rest = startup.read_text().splitlines()
        assert first == "PS1='$ '"
        assert len(rest) == 1
    with Terminal(
        INTERACTIVE[shell], columns=100, lines=20, environment=environment, folder=home.work
    ) as terminal:
        terminal.read_until_quiet(1.0)
        terminal.write("insttui attribute --model demo-tu\t")
        terminal.wait_for_screen("insttui attribute --model demo-tuned")


@pytest.mark.parametrize("shell", ["", "/bin/tcsh"])
def test_a_shell_it_cannot_complete_in_is_named(shell, home):
    done = home.run("completion", "--install", environment={"SHELL": shell})
    assert done.status == 2
    assert "insttui completes in bash, zsh, fish." in done.errors
    assert ("tcsh" in done.errors) == bool(shell)


def test_a_startup_file_that_cannot_be_written_is_said(home):
    (home.folder / ".bashrc").mkdir()
    done = home.run("completion", "bash", "--install")
    assert done.status == 1
    assert "The completion of bash cannot be installed." in done.errors


def test_the_script_is_printed_for_those_who_put_it_elsewhere(home):
    done = home.run("completion", "bash")
    assert subprocess.run(["bash", "-n"], input=done.output, check=False).returncode == 0
    assert b"insttui" in done.output
