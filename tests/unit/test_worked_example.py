"""The method that CONTRIBUTING builds from nothing, built as it says, in a copy of the house."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(?:python|css)?\n(.*?)^```", re.DOTALL | re.MULTILINE)

# Opens the app on the demo pair as the program does, shows the last view and prints what it shows.
SHOW = """
import asyncio, sys
from pathlib import Path
from textual.widgets import Static
from app.commands import open_app
from app.commands.parser import parser
from app.config import Settings
from app.frame.registry import VIEWS
from app.main import InsttuiApp

options = parser().parse_args(["--cache-dir", sys.argv[1]])
workspace = open_app.workspace_of(options, Settings())

async def main():
    app = InsttuiApp(workspace, Settings(), state_path=Path(sys.argv[1], "state.json"))
    async with app.run_test(size=(100, 30)) as pilot:
        # Where one writes, a number is text.
        await pilot.press(f"f{sum('pair' in each.workspaces for each in VIEWS)}")
        for _ in range(600):
            await pilot.pause(0.1)
            lines = str(app.view.query_one("#lines", Static).render())
            if lines.count("tokens") == 2:
                break
        print(app.view.id, [each.id for each in app.offered("lengths")], lines, sep="|")

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Path:
    """A copy with what CONTRIBUTING says added to it."""
    house = tmp_path_factory.mktemp("house")
    for name in ("app", "analysis", "cache"):
        shutil.copytree(
            ROOT / name, house / name, ignore=shutil.ignore_patterns("__pycache__", "weights")
        )
    (house / "analysis/engine/weights").symlink_to(ROOT / "analysis/engine/weights")
    (house / "analysis/demo/weights").symlink_to(ROOT / "analysis/demo/weights")
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.partition("## A method from nothing")[2].partition("\n## ")[0]
    *files, line = BLOCK.findall(section)
    for block in files:
        named, _, content = block.partition("\n")
        path = house / re.sub(r"^(# |/\* )| \*/$", "", named)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        if not (path.parent / "__init__.py").exists():
            (path.parent / "__init__.py").write_text('"""A method."""\n')
    methods = house / "analysis/methods.py"
    methods.write_text(methods.read_text().rstrip().removesuffix(")") + line + ")\n")
    return house


def run(house: Path, *command: str) -> str:
    """What a program in that house prints."""
    environment = {**os.environ, "PYTHONPATH": str(house)}
    done = subprocess.run(
        [sys.executable, *command], cwd=house, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_its_command_and_its_view_work(house, tmp_path):
    cache = str(tmp_path)
    assert "tokens of a prompt, as CSV" in run(house, "-m", "app.cli", "--help")
    rows = run(house, "-m", "app.cli", "lengths", "What is hot?", "--cache-dir", cache)
    assert re.fullmatch(r"model,tokens\ndemo-base,(\d+)\ndemo-tuned,\1\n", rows)
    view, actions, lines = run(house, "-c", SHOW, cache).strip().split("|")
    assert (view, actions) == ("lengths", "['lengths.count']")
    assert re.fullmatch(r"demo-(base|tuned): (\d+) tokens\ndemo-(?!\1)\w+: \2 tokens", lines)
