"""The README is short, and what it leads to is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from app.commands.parser import parser
from app.frame.registry import VIEWS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("insttui ")]


def test_it_has_at_most_1200_words() -> None:
    assert len(TEXT.split()) <= 1200


def test_its_pictures_are_there_and_small() -> None:
    pictures = [ROOT / name for name in re.findall(r"!\[[^]]+\]\(([^)]+)\)", TEXT)]
    assert sum(picture.stat().st_size for picture in pictures) < 2_000_000
    assert pictures


def test_it_tours_all_views_of_a_pair_in_the_order_of_their_keys() -> None:
    numbers = [int(number) for number in re.findall(r"^\*\*(\d) \w+\.\*\*", TEXT, re.MULTILINE)]
    assert numbers == list(range(1, sum("pair" in view.workspaces for view in VIEWS) + 1))


@pytest.mark.parametrize("link", sorted(set(re.findall(r"[^!]\[[^]]+\]\(([^)h][^)]*)\)", TEXT))))
def test_what_it_links_to_is_there(link: str) -> None:
    name, _, place = link.partition("#")
    text = (ROOT / name).read_text("utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    places = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert not place or place in places


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_are_understood(command: str) -> None:
    _, *arguments = shlex.split(command, comments=True)
    parser().parse_args(arguments)


def test_the_second_block_is_what_runs_the_tests() -> None:
    assert "pytest" in BLOCKS[1]
    assert "pytest" not in BLOCKS[0]
