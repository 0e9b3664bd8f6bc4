"""Finds training runs in a folder; does not need torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from analysis.clustering.training import run_folder
from analysis.clustering.training.curves import last_epoch
from analysis.clustering.training.settings import RunSettings
from analysis.problems import ProblemError

LEVELS = 2
"""How many levels deep to search for runs."""

_MOST_FOLDERS = 2_000
"""Maximum number of folders to search; a home folder may contain any number."""


class ListedRun(NamedTuple):
    """A run that was found; `epoch` is the last measured one, None before any."""

    folder: Path
    settings: RunSettings
    epoch: int | None


def runs_in(folder: Path) -> list[ListedRun]:
    """The runs in a folder, which may be a run, contain runs, or contain folders of runs.

    Skips hidden folders and anything unreadable or not a run.
    """
    found = []
    for number, each in enumerate(_folders(folder)):
        if number == _MOST_FOLDERS:
            break
        run = _listed(each)
        if run is not None:
            found.append(run)
    return found


def _folders(folder: Path) -> Iterator[Path]:
    """A folder and its subfolders, breadth first."""
    level = [folder]
    for _ in range(LEVELS + 1):
        yield from level
        level = [below for each in level for below in _below(each)]


def _below(folder: Path) -> list[Path]:
    try:
        return sorted(
            each for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")
        )
    except OSError:
        return []


def _listed(folder: Path) -> ListedRun | None:
    try:
        content = (folder / run_folder.SETTINGS_NAME).read_bytes()
        settings = msgspec.json.decode(content, type=RunSettings)
        return ListedRun(folder, settings, last_epoch(folder))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, ProblemError):
        return None
