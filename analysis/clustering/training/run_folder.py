"""The files of a run: their names, and atomic writes that survive a kill."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from analysis.clustering.training.instances import Instance
from analysis.problems import problem

SETTINGS_NAME = "run.json"
DATA_NAME = "data.jsonl"
CLUSTERS_NAME = "clusters.csv"
ACCURACY_NAME = "accuracy.csv"
NEIGHBOURS_NAME = "neighbours.csv"
CHECKPOINT_NAME = "checkpoint.pt"
MAPS_NAME = "maps"
_LOCK_NAME = ".lock"


def claim(folder: Path) -> None:
    """Create a folder for a run, or take one that is empty or was claimed before.

    Raises:
        ProblemError: ``input`` if it contains something else.
        OSError: It cannot be created.
    """
    if folder.exists() and not folder.is_dir():
        raise problem("input", f"{folder} is not a folder.", "", "Name another with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / _LOCK_NAME).exists():
        raise problem(
            "input",
            f"{folder} is not an empty folder.",
            "It holds no training run either.",
            "Name another with --out.",
        )


def map_path(folder: Path, epoch: int) -> Path:
    """The path of an epoch's 2-D map: float16 [layers + 1, evaluated instances, 2]."""
    return folder / MAPS_NAME / f"{epoch:05}.npy"


def write_data(path: Path, instances: Sequence[Instance]) -> None:
    """Write the instances, one JSON object per line."""
    with replacing(path) as stream:
        stream.writelines(msgspec.json.encode(each) + b"\n" for each in instances)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content replaces a file once all of it is on disk."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Lock a folder for this process, until the process ends in any way.

    Raises:
        ProblemError: ``storage`` if another process trains in it.
        OSError: The folder cannot be written.
    """
    with (folder / _LOCK_NAME).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise problem(
                "storage",
                f"{folder} is in use.",
                "Another insttui is training in it.",
                "Wait until it is done, or end it.",
            ) from None
        yield
